//! Finds what a flow still lacks: missing photos per grant and kind, and required files.

use serde::{Deserialize, Serialize};

use crate::{
    db::{DbError, Tx},
    definition::{Body, FieldError},
    flow::required_files,
    id::{FlowId, GrantId, SealUseId},
    photo::{Photo, kind::PhotoKind},
    seal_use::{Grant, PhotoCounts, SealUse, counts::Gap},
};

/// Missing photos of one kind and one grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhotoShortfall {
    pub seal_use_id: SealUseId,
    pub business_id: Option<String>,
    /// Null if the vendor lists the photo without a grant.
    pub grant_id: Option<GrantId>,
    pub seal: Option<String>,
    pub user: Option<String>,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub employee_no: Option<String>,
    pub kind: PhotoKind,
    /// Number of stampings that the device counted. 0 for other kinds.
    pub counted: i64,
    pub received: i64,
    pub missing: i64,
    /// The keys of the missing photos that the vendor lists. Empty for face photos if the caller may not see them.
    pub photokeys: Vec<String>,
}

/// What prevents the archiving of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lacking {
    pub photos: Vec<PhotoShortfall>,
    /// Required files fields that are empty.
    pub fields: Vec<FieldError>,
}

/// Returns the missing photos of the flow's seal uses. Empty if nothing is missing.
pub async fn photos(tx: &mut Tx, flow: &FlowId) -> Result<Vec<PhotoShortfall>, DbError> {
    let mut missing = Vec::new();
    for seal_use in SealUse::with_photos(&mut *tx, flow).await? {
        let counts = PhotoCounts::of(tx, &seal_use.id).await?;
        // Photos without a grant can fill the gaps of grants.
        if counts.sum.missing > 0 {
            let grants = Grant::of_seal_use(&mut *tx, &seal_use.id).await?;
            let photos = Photo::of_seal_use(&mut *tx, &seal_use.id).await?;
            missing.extend(counts.gaps.into_iter().map(|gap| to_missing(&seal_use, &grants, &photos, gap)));
        }
    }
    Ok(missing)
}

fn to_missing(seal_use: &SealUse, grants: &[Grant], photos: &[Photo], gap: Gap) -> PhotoShortfall {
    let grant = grants.iter().find(|grant| gap.grant_id.as_ref() == Some(&grant.id));
    let lost =
        |photo: &&Photo| photo.grant_id == gap.grant_id && photo.kind == gap.kind && photo.original_hash.is_none();
    PhotoShortfall {
        seal_use_id: seal_use.id.clone(),
        business_id: seal_use.business_id.clone(),
        seal: grant.map(|grant| grant.seal.clone()),
        user: grant.map(|grant| grant.user_name.clone()),
        username: grant.and_then(|grant| grant.username.clone()),
        employee_no: grant.and_then(|grant| grant.employee_no.clone()),
        kind: gap.kind,
        counted: gap.counted,
        received: gap.received,
        missing: gap.missing,
        photokeys: photos.iter().filter(lost).filter_map(|photo| photo.photokey.clone()).collect(),
        grant_id: gap.grant_id,
    }
}

/// Returns why the seal uses of a flow are not finished: one is open again, or a known photo is missing.
pub async fn unfinished(tx: &mut Tx, flow: &FlowId) -> Result<Option<String>, DbError> {
    for seal_use in SealUse::with_photos(&mut *tx, flow).await? {
        if !seal_use.status.ended() && seal_use.business_id.is_some() {
            return Ok(Some("seals are in use".to_owned()));
        }
        if PhotoCounts::of(tx, &seal_use.id).await?.unsettled {
            return Ok(Some("a photo that the vendor lists is not here yet".to_owned()));
        }
    }
    Ok(None)
}

/// Returns the required files fields that are still empty, with messages.
async fn fields(tx: &mut Tx, flow: &FlowId, body: &Body) -> Result<Vec<FieldError>, DbError> {
    let empty = required_files::empty(tx, flow, body).await?;
    Ok(empty.into_iter().map(required_files::error).collect())
}

/// Returns true if no stamp was made in the flow: no stamping is counted and no photo is known.
pub async fn unstamped(tx: &mut Tx, flow: &FlowId) -> Result<bool, DbError> {
    for seal_use in SealUse::with_photos(&mut *tx, flow).await? {
        let photos = PhotoCounts::of(tx, &seal_use.id).await?;
        if photos.evidence {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Lacking {
    /// Without a stamp there is no stamped file and no photo, so their fields may stay empty.
    pub fn forget_fields_of_stamps(&mut self, body: &Body) {
        let Some(integration) = &body.integration else { return };
        let keys = [&integration.stamped_file_field, &integration.download_field];
        let of_stamps: Vec<String> = keys.into_iter().flatten().map(|key| format!("form.{key}")).collect();
        self.fields.retain(|error| !of_stamps.contains(&error.field));
    }

    /// Removes the keys of photos that only users who read everything may see.
    pub fn hide_private_keys(&mut self) {
        for photos in self.photos.iter_mut().filter(|photos| photos.kind.is_private()) {
            photos.photokeys.clear();
        }
    }

    pub async fn of(tx: &mut Tx, flow: &FlowId, body: &Body) -> Result<Self, DbError> {
        Ok(Self { photos: photos(tx, flow).await?, fields: fields(tx, flow, body).await? })
    }
}

impl std::fmt::Display for Lacking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let missing: i64 = self.photos.iter().map(|photos| photos.missing).sum();
        let photos = (missing > 0).then(|| format!("{missing} photos are missing"));
        let fields = self.fields.iter().map(|field| field.message.clone());
        f.write_str(&photos.into_iter().chain(fields).collect::<Vec<_>>().join("; "))
    }
}
