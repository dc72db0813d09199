//! The kinds of photos whose names in the zip do not tell them: the vendor is asked for the zip of each kind.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
};

use super::{Arrival, Pass, limits};
use crate::{
    hash::Blake3,
    ingest::{
        IngestError,
        link::Identity,
        zip::{self, ZipLimits},
    },
    photo::{Photo, kind::PhotoKind},
    provider::ProviderError,
};

/// Gives each photo the kind of the one zip that has its content. A content that both zips have, or none, keeps its
/// unknown kind. Returns the reason if a zip could not be read.
pub(super) async fn tell(
    pass: &Pass,
    business_id: &str,
    untold: &mut [Arrival],
) -> Result<Option<String>, IngestError> {
    if !any_is_new(pass, untold).await? {
        return Ok(None);
    }
    let mut found = HashMap::new();
    for kind in [PhotoKind::Signatory, PhotoKind::Face] {
        match contents(pass, business_id, kind).await? {
            Ok(contents) => found.insert(kind, contents),
            Err(why) => return Ok(Some(format!("the vendor's zip of kind {} cannot be read: {why}", kind.as_str()))),
        };
    }
    for arrival in untold {
        let hash = &arrival.content.original.hash;
        let mut kinds = found.iter().filter(|(_, contents)| contents.contains(hash)).map(|(kind, _)| *kind);
        if let (Some(only), None) = (kinds.next(), kinds.next()) {
            match &mut arrival.identity {
                Identity::Key(photo) => photo.kind = only,
                Identity::Keyless { kind, .. } => *kind = only,
            }
        }
    }
    Ok(None)
}

/// Returns true if a content comes more often than the seal use has photos of it whose kind is known. Otherwise no zip
/// is needed: some vendors lock a file that is downloaded too often.
async fn any_is_new(pass: &Pass, untold: &[Arrival]) -> Result<bool, IngestError> {
    for arrival in untold {
        let Identity::Keyless { occurrence, .. } = &arrival.identity else { return Ok(true) };
        let photos = Photo::of_content(pass.db(), pass.id(), &arrival.content.original.hash).await?;
        let told = photos.iter().filter(|photo| photo.counts() && photo.kind != PhotoKind::Unknown).count();
        if usize::try_from(*occurrence).unwrap_or(usize::MAX) > told {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the contents of the zip of one kind, or why it cannot be read.
async fn contents(
    pass: &Pass,
    business_id: &str,
    kind: PhotoKind,
) -> Result<Result<HashSet<Blake3>, String>, IngestError> {
    let file = tempfile::tempfile_in(&pass.app.config.data_dir)?;
    let mut writer = tokio::fs::File::from_std(file.try_clone()?);
    let max_bytes = pass.app.config.vendor.max_zip_bytes.get();
    match pass.client.images_zip_of(business_id, kind.as_str(), &mut writer, max_bytes).await {
        Ok(body) if body.empty => return Ok(Ok(HashSet::new())),
        Ok(_) => {}
        Err(error @ ProviderError::Disk(_)) => return Err(error.into()),
        Err(error) => return Ok(Err(error.to_string())),
    }
    let limits = limits(pass);
    match tokio::task::spawn_blocking(move || hashes(&file, limits)).await? {
        Err(zip::ZipError::Io(error)) => Err(error.into()),
        outcome => Ok(outcome.map_err(|error| error.to_string())),
    }
}

fn hashes(file: &std::fs::File, limits: ZipLimits) -> Result<HashSet<Blake3>, zip::ZipError> {
    let mut hashes = HashSet::new();
    zip::read(file, limits, |entry| {
        hashes.insert(Blake3::of(&entry.bytes));
        ControlFlow::Continue(())
    })?;
    Ok(hashes)
}
