//! Accepts a photo that the vendor has not confirmed, or one of an unknown kind. An administrator gives the reason,
//! which is part of the record: event, audit log, manifest.

use serde::Deserialize;

use crate::{
    audit::Act,
    db::{Db, DbError, Tx, is_blank},
    flow::{Flow, LockedFlow, act::FlowAct, event::EventKind, settle},
    id::PhotoId,
    library::{
        document::{self, Document},
        search_terms,
    },
    photo::{Photo, confirmation::Acceptance, kind::PhotoKind},
    seal_use::SealUse,
    user::Acting,
};

/// Why a photo is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    #[error("the photo does not exist")]
    NotFound,
    #[error("the photo is confirmed, accepted or supplied already. Read the ingest again.")]
    Settled,
    #[error("the reason is missing. Send `reason`: it becomes part of the record.")]
    NoReason,
    #[error("the kind of the photo is unknown. Send `kind`: signatory, face or emergency.")]
    NoKind,
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The request.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PhotoAcceptance)]
pub struct AcceptWish {
    /// Why the photo counts although the vendor has not confirmed it.
    #[schema(pattern = r"\S")]
    pub reason: String,
    /// What the photo shows. Required if its kind is unknown.
    #[schema(inline)]
    pub kind: Option<PhotoKind>,
}

/// Accepts the photo. It counts from now on, marked. It may complete its node, and it supplements an archived flow.
pub async fn accept(acting: Acting<'_>, id: &PhotoId, wish: &AcceptWish) -> Result<Document, AcceptError> {
    let Acting { db, user, now } = acting;
    let reason = wish.reason.trim();
    if is_blank(reason) {
        return Err(AcceptError::NoReason);
    }
    let mut tx = db.begin().await?;
    let photo = Photo::find(&mut tx, id).await?.ok_or(AcceptError::NotFound)?;
    let seal_use = SealUse::find(&mut tx, &photo.seal_use_id).await?.ok_or(AcceptError::NotFound)?;
    let flow = Flow::lock(&mut tx, &seal_use.flow_id).await?.ok_or(AcceptError::NotFound)?;
    let photo = Photo::find(&mut tx, id).await?.ok_or(AcceptError::NotFound)?;
    let kind = wish.kind.unwrap_or(photo.kind);
    if kind == PhotoKind::Unknown {
        return Err(AcceptError::NoKind);
    }
    let acceptance = Acceptance { by: user.username.clone(), at: now, reason: reason.to_owned() };
    if !Photo::accept(&mut tx, id, kind, &acceptance).await? {
        return Err(AcceptError::Settled);
    }
    rename(&mut tx, &flow, &photo, kind).await?;
    settle::settle(&mut tx, &flow.id, now).await?;
    let act = FlowAct {
        username: &user.username,
        event: EventKind::PhotoAccepted,
        act: Act::PhotoAccepted,
        subject: id.as_str(),
        detail: reason,
    };
    act.commit(tx, &flow.id, now).await?;
    document_of(db, id).await
}

/// The name of a document ends with the kind of its photo. Documents that a manifest names keep their names.
async fn rename(tx: &mut Tx, flow: &LockedFlow, photo: &Photo, kind: PhotoKind) -> Result<(), DbError> {
    if flow.has_manifest() || kind == photo.kind {
        return Ok(());
    }
    let mut names = Vec::new();
    for document in Document::of_photo(&mut *tx, &photo.id).await? {
        let old = format!("_{}.{}", photo.kind.as_str(), document.ext);
        let Some(head) = document.name.strip_suffix(&old) else { continue };
        let name = format!("{head}_{}.{}", kind.as_str(), document.ext);
        document::rename(tx, &document.id, &name).await?;
        names.push(name);
    }
    search_terms::add(tx, &flow.id, &names).await
}

async fn document_of(db: &Db, id: &PhotoId) -> Result<Document, AcceptError> {
    Document::of_photo(db, id).await?.pop().ok_or(AcceptError::NotFound)
}
