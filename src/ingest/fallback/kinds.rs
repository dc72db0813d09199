//! The kinds of photos that only the zip shows: the vendor is asked for the zip of each kind, and the contents tell.

use std::{collections::HashSet, ops::ControlFlow};

use super::{Arrival, Pass, limits};
use crate::{
    hash::Blake3,
    ingest::{
        IngestError,
        link::Identity,
        zip::{self, DeclaredContent, Skipped, ZipLimits},
    },
    original::Original,
    photo::{Photo, kind::PhotoKind},
    provider::ProviderError,
};

/// Gives each photo the kind that the zips of the kinds tell. Returns the photos, and the reason if such a zip could not
/// be read, or not whole. Then a kind stays unknown.
pub(super) async fn tell(
    pass: &Pass,
    business_id: &str,
    unknown: Vec<Arrival>,
) -> Result<(Vec<Arrival>, Option<String>), IngestError> {
    if !any_is_new(pass, &unknown).await? {
        return Ok((unknown, None));
    }
    let answers = ask(pass, business_id).await?;
    let with_kind = |mut arrival: Arrival| {
        let found = answers.as_ref().map_or(PhotoKind::Unknown, |zips| zips.kind(&arrival.content.original));
        match &mut arrival.identity {
            Identity::Key(photo) if photo.kind != PhotoKind::Unknown => {}
            Identity::Key(photo) => photo.kind = found,
            Identity::Keyless { kind, .. } => *kind = found,
        }
        arrival
    };
    let arrivals = unknown.into_iter().map(with_kind).collect();
    Ok((arrivals, answers.map_or_else(Some, |zips| zips.not_whole())))
}

/// Returns true if a content comes more often than the seal use has photos of it whose kind is known. Otherwise no zip
/// is needed: some vendors lock a file that is downloaded too often.
async fn any_is_new(pass: &Pass, unknown: &[Arrival]) -> Result<bool, IngestError> {
    for arrival in unknown {
        let occurrence = match &arrival.identity {
            Identity::Key(photo) if photo.kind == PhotoKind::Unknown => return Ok(true),
            Identity::Key(_) => continue,
            Identity::Keyless { occurrence, .. } => occurrence,
        };
        let photos = Photo::of_content(pass.db(), pass.id(), &arrival.content.original.hash).await?;
        let settled = photos.iter().filter(|photo| photo.is_settled()).count();
        if usize::try_from(*occurrence).unwrap_or(usize::MAX) > settled {
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
    skipped: Vec<Skipped>,
}

/// Whether a zip has a content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Has {
    Yes,
    No,
    /// An entry that cannot be read has its size or its checksum.
    Perhaps,
}

impl Contents {
    fn is_whole(&self) -> bool {
        self.skipped.iter().all(|skipped| skipped.unread.is_none())
    }

    fn has(&self, original: &Original) -> Has {
        if self.hashes.contains(&original.hash) {
            return Has::Yes;
        }
        let like = |unread: &DeclaredContent| {
            i64::try_from(unread.bytes) == Ok(original.bytes) || i64::from(unread.crc32) == original.crc32
        };
        let perhaps = self.skipped.iter().filter_map(|skipped| skipped.unread.as_ref()).any(like);
        if perhaps { Has::Perhaps } else { Has::No }
    }
}

impl Zips {
    /// Returns the kind of the one zip that has the content. A content in neither is an emergency photo. If both have it,
    /// the vendor does not filter, or two photos are equal. The name of an entry is no proof, so the kind is unknown. It
    /// is unknown, too, if an entry that cannot be read may be this content.
    fn kind(&self, original: &Original) -> PhotoKind {
        match (self.signatory.has(original), self.face.has(original)) {
            (Has::Yes, Has::No) => PhotoKind::Signatory,
            (Has::No, Has::Yes) => PhotoKind::Face,
            // Damage may be in size and checksum, too, and an emergency photo is shown to all.
            (Has::No, Has::No) if self.signatory.is_whole() && self.face.is_whole() => PhotoKind::Emergency,
            _ => PhotoKind::Unknown,
        }
    }

    /// Returns which entries of the zips could not be read, if any.
    fn not_whole(&self) -> Option<String> {
        let zips = [(PhotoKind::Signatory, &self.signatory), (PhotoKind::Face, &self.face)].into_iter();
        let notes = zips.filter_map(|(kind, contents)| {
            let unread: Vec<Skipped> =
                contents.skipped.iter().filter(|skipped| skipped.unread.is_some()).cloned().collect();
            let (count, names, kind) = (unread.len(), super::named(&unread), kind.as_str());
            let note = format!("{count} entries of the vendor's zip of kind {kind} cannot be read: {names}");
            (count > 0).then_some(note)
        });
        Some(notes.collect::<Vec<_>>().join("; ")).filter(|notes| !notes.is_empty())
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
        Ok(body) if body.empty => return Ok(Ok(Contents { hashes: HashSet::new(), skipped: Vec::new() })),
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
    Ok(Contents { hashes, skipped: summary.skipped })
}
