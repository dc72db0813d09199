//! The kinds of photos that only the zip shows: the vendor is asked for the zip of each kind, and the contents tell.

use std::{collections::HashSet, ops::ControlFlow};

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

/// Gives each photo the kind that the zips of the kinds tell. Returns the photos, and the reason if such a zip could not
/// be read. Then their kind stays unknown.
pub(super) async fn tell(
    pass: &Pass,
    business_id: &str,
    untold: Vec<Arrival>,
) -> Result<(Vec<Arrival>, Option<String>), IngestError> {
    let answers = if any_is_new(pass, &untold).await? { ask(pass, business_id).await? } else { Err(String::new()) };
    let told = |mut arrival: Arrival| {
        let told = answers.as_ref().map_or(PhotoKind::Unknown, |zips| zips.kind(&arrival.content.original.hash));
        match &mut arrival.identity {
            Identity::Key(photo) if photo.kind != PhotoKind::Unknown => {}
            Identity::Key(photo) => photo.kind = told,
            Identity::Keyless { kind, .. } => *kind = told,
        }
        arrival
    };
    let arrivals = untold.into_iter().map(told).collect();
    Ok((arrivals, answers.err().filter(|why| !why.is_empty())))
}

/// Returns true if a content comes more often than the seal use has photos of it whose kind is known. Otherwise no zip
/// is needed: some vendors lock a file that is downloaded too often.
async fn any_is_new(pass: &Pass, untold: &[Arrival]) -> Result<bool, IngestError> {
    for arrival in untold {
        let occurrence = match &arrival.identity {
            Identity::Key(photo) if photo.kind == PhotoKind::Unknown => return Ok(true),
            Identity::Key(_) => continue,
            Identity::Keyless { occurrence, .. } => occurrence,
        };
        let photos = Photo::of_content(pass.db(), pass.id(), &arrival.content.original.hash).await?;
        let told = photos.iter().filter(|photo| photo.is_settled()).count();
        if usize::try_from(*occurrence).unwrap_or(usize::MAX) > told {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The contents of the zips of the two kinds that the vendor filters by.
struct Zips {
    signatory: Contents,
    face: Contents,
}

struct Contents {
    hashes: HashSet<Blake3>,
    /// Every entry was read.
    whole: bool,
}

impl Zips {
    /// Returns the kind of the one zip that has the content. A content in neither is an emergency photo. If both have it,
    /// the vendor does not filter, or two photos are equal. The name of an entry is no proof, so the kind is unknown.
    fn kind(&self, hash: &Blake3) -> PhotoKind {
        match (self.signatory.hashes.contains(hash), self.face.hashes.contains(hash)) {
            (true, false) if self.face.whole => PhotoKind::Signatory,
            (false, true) if self.signatory.whole => PhotoKind::Face,
            (false, false) if self.signatory.whole && self.face.whole => PhotoKind::Emergency,
            _ => PhotoKind::Unknown,
        }
    }
}

async fn ask(pass: &Pass, business_id: &str) -> Result<Result<Zips, String>, IngestError> {
    let signatory = match contents(pass, business_id, PhotoKind::Signatory).await? {
        Ok(contents) => contents,
        Err(why) => return Ok(Err(why)),
    };
    let face = contents(pass, business_id, PhotoKind::Face).await?;
    Ok(face.map(|face| Zips { signatory, face }))
}

/// Returns the contents of the zip of one kind, or why it cannot be read. An empty zip is an answer.
async fn contents(pass: &Pass, business_id: &str, kind: PhotoKind) -> Result<Result<Contents, String>, IngestError> {
    let failed =
        |why: &dyn std::fmt::Display| format!("the vendor's zip of kind {} cannot be read: {why}", kind.as_str());
    let file = tempfile::tempfile_in(&pass.app.config.data_dir)?;
    let mut writer = tokio::fs::File::from_std(file.try_clone()?);
    let max_bytes = pass.app.config.vendor.max_zip_bytes.get();
    match pass.client.images_zip_of(business_id, kind.as_str(), &mut writer, max_bytes).await {
        Ok(body) if body.empty => return Ok(Ok(Contents { hashes: HashSet::new(), whole: true })),
        Ok(_) => {}
        Err(error @ ProviderError::Disk(_)) => return Err(error.into()),
        Err(error) => return Ok(Err(failed(&error))),
    }
    let limits = limits(pass);
    match tokio::task::spawn_blocking(move || read(&file, limits)).await? {
        Err(zip::ZipError::Io(error)) => Err(error.into()),
        outcome => Ok(outcome.map_err(|error| failed(&error))),
    }
}

fn read(file: &std::fs::File, limits: ZipLimits) -> Result<Contents, zip::ZipError> {
    let mut hashes = HashSet::new();
    let summary = zip::read(file, limits, |entry| {
        hashes.insert(Blake3::of(&entry.bytes));
        ControlFlow::Continue(())
    })?;
    Ok(Contents { hashes, whole: summary.skipped.is_empty() })
}
