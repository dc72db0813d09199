//! A dispatch: a file sent to the vendor after the application, with a visible state. It is a stamped file (用印后文件) or a
//! photo that a user supplies.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{DbError, On, Tx, padded, placeholders, sql},
    definition::Body,
    hash::Blake3,
    id::{DispatchId, DocumentId, FlowId, GrantId, SealUseId},
    library::document::DeliveryState,
    photo::kind::PhotoKind,
    queue::{self, JobKind},
    vocabulary::words,
};

words! {
    DispatchKind {
        /// A stamped file, pdf or docx: one call for each.
        File = "file",
        /// Pictures of stamped pages: one call for all of them.
        Images = "images",
        /// A photo supplied by a user.
        Photo = "photo",
    }
}

#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dispatch {
    pub id: DispatchId,
    pub seal_use_id: SealUseId,
    #[sqlx(try_from = "String")]
    pub kind: DispatchKind,
    /// The document of the stamped file. For a supplied photo: its document after the link.
    pub document_id: Option<DocumentId>,
    pub grant_id: Option<GrantId>,
    /// What a supplied photo shows: `signatory` or `face`.
    #[schema(value_type = Option<PhotoKind>)]
    pub photo_kind: Option<String>,
    #[serde(rename = "blake3")]
    pub original_hash: Blake3,
    pub name: String,
    #[sqlx(try_from = "String")]
    pub state: DeliveryState,
    pub error: Option<String>,
    pub created_by: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// A photo that a user supplies for a grant.
#[derive(Clone, Debug)]
pub struct Supply {
    pub seal_use: SealUseId,
    pub grant: GrantId,
    pub kind: PhotoKind,
    pub original: Blake3,
    pub name: String,
    pub by: String,
}

const NOT_TAKEN: &str = "the vendor takes pdf, docx and pictures (jpg, png, gif, tiff) only";

/// Returns how the vendor takes a stamped file with this content. `None`: the vendor does not take it.
fn dispatch_kind(ext: &str) -> Option<DispatchKind> {
    match ext {
        "pdf" | "docx" => Some(DispatchKind::File),
        "jpg" | "png" | "gif" | "tif" => Some(DispatchKind::Images),
        _ => None,
    }
}

/// Returns true if leaving `node` sends the stamped files.
#[must_use]
pub fn sends_after(body: &Body, node: &str) -> bool {
    body.enabled_integration().is_some_and(|integration| integration.finish_nodes.iter().any(|key| key == node))
}

/// Returns true if a flow at `node` has left a node that sends the stamped files. `None`: after the last node.
#[must_use]
pub fn sends_at_once(body: &Body, node: Option<&str>) -> bool {
    let left = body.nodes.iter().take_while(|left| Some(left.key.as_str()) != node);
    left.into_iter().any(|left| sends_after(body, &left.key))
}

#[derive(FromRow)]
struct Stamped {
    id: DocumentId,
    name: String,
    original_hash: Blake3,
    ext: String,
    created_by: String,
}

/// Queues the documents of the stamped-file field for the flow's last seal use. Documents that are already queued for
/// it are not changed. A document that an earlier seal use got is sent again to a new one.
pub async fn queue_stamped_files(tx: &mut Tx, flow: &FlowId, body: &Body, now: Timestamp) -> Result<(), DbError> {
    let Some(field) = body.enabled_integration().and_then(|integration| integration.stamped_file_field.as_ref()) else {
        return Ok(());
    };
    let seal_use: Option<(SealUseId,)> =
        sql("SELECT id FROM seal_uses WHERE flow_id = $1 AND business_id IS NOT NULL ORDER BY no DESC LIMIT 1")
            .bind(flow)
            .optional(&mut *tx)
            .await?;
    let Some((seal_use,)) = seal_use else { return Ok(()) };
    let documents: Vec<Stamped> =
        sql("SELECT d.id, d.name, d.original_hash, o.ext, d.created_by FROM documents d JOIN originals o ON o.hash = d.original_hash
             WHERE d.flow_id = $1 AND d.field_key = $2 AND d.deleted_at IS NULL ORDER BY d.position, d.id")
            .bind(flow)
            .bind(field)
            .all(&mut *tx)
            .await?;
    if documents.is_empty() {
        return Ok(());
    }
    // A job must be woken before its rows are changed.
    queue::wake(tx, JobKind::Send, seal_use.as_str(), now, now).await?;
    for document in documents {
        insert_stamped(tx, &seal_use, document, now).await?;
    }
    Ok(())
}

async fn insert_stamped(tx: &mut Tx, seal_use: &SealUseId, document: Stamped, now: Timestamp) -> Result<(), DbError> {
    let way = dispatch_kind(&document.ext);
    sql("INSERT INTO dispatches (id, seal_use_id, kind, document_id, original_hash, name, state, error, created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
         ON CONFLICT (document_id) DO UPDATE SET seal_use_id = excluded.seal_use_id, state = excluded.state, error = excluded.error, updated_at = excluded.updated_at
         WHERE dispatches.seal_use_id <> excluded.seal_use_id")
        .bind(&DispatchId::new())
        .bind(seal_use)
        .bind(way.unwrap_or(DispatchKind::File))
        .bind(&document.id)
        .bind(&document.original_hash)
        .bind(document.name)
        .bind(if way.is_some() { DeliveryState::Queued } else { DeliveryState::Failed })
        .bind(way.is_none().then_some(NOT_TAKEN))
        .bind(document.created_by)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

impl Supply {
    /// Writes the row, so the ingest links the photo and the service sends it to the vendor. The same content for the
    /// same grant is the same photo: then nothing is written.
    pub async fn insert(&self, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
        sql("INSERT INTO dispatches (id, seal_use_id, kind, grant_id, photo_kind, original_hash, name, state, created_by, created_at, updated_at)
             VALUES ($1, $2, 'photo', $3, $4, $5, $6, 'queued', $7, $8, $8) ON CONFLICT (grant_id, original_hash) DO NOTHING")
            .bind(&DispatchId::new())
            .bind(&self.seal_use)
            .bind(&self.grant)
            .bind(self.kind)
            .bind(&self.original)
            .bind(&self.name)
            .bind(&self.by)
            .bind(now)
            .execute(tx)
            .await?;
        Ok(())
    }
}

impl Dispatch {
    /// Returns the dispatches of a seal use that wait to be sent, and those that the vendor refused, oldest first.
    /// Documents in the trash, and files that were taken out of their field, are skipped.
    pub async fn to_send(on: impl Into<On<'_>>, seal_use: &SealUseId) -> Result<Vec<Self>, DbError> {
        sql("SELECT v.* FROM dispatches v LEFT JOIN documents d ON d.id = v.document_id
             WHERE v.seal_use_id = $1 AND (v.state = 'queued' OR (v.state = 'failed' AND v.resend))
               AND d.deleted_at IS NULL AND (v.kind = 'photo' OR d.field_key IS NOT NULL) ORDER BY v.id")
        .bind(seal_use)
        .all(on)
        .await
    }

    /// Returns supplied photos that the ingest has not linked yet.
    pub async fn unlinked(on: impl Into<On<'_>>, seal_use: &SealUseId) -> Result<Vec<Self>, DbError> {
        sql("SELECT * FROM dispatches WHERE seal_use_id = $1 AND kind = 'photo' AND linked_at IS NULL ORDER BY id")
            .bind(seal_use)
            .all(on)
            .await
    }

    /// Returns the photos supplied for a grant, oldest first.
    pub async fn of_grant(on: impl Into<On<'_>>, grant: &GrantId) -> Result<Vec<Self>, DbError> {
        sql("SELECT * FROM dispatches WHERE grant_id = $1 ORDER BY id").bind(grant).all(on).await
    }

    /// Marks a supplied photo as linked and stores its document. No document if the photo was already stored.
    pub async fn mark_linked(
        tx: &mut Tx,
        id: &DispatchId,
        seal_use: &SealUseId,
        now: Timestamp,
    ) -> Result<(), DbError> {
        sql("UPDATE dispatches SET linked_at = $1, document_id = (
               SELECT MAX(d.id) FROM documents d JOIN photos p ON p.id = d.photo_id
               WHERE p.seal_use_id = $2 AND p.source = 'supply' AND d.original_hash = dispatches.original_hash
                 AND NOT EXISTS (SELECT 1 FROM dispatches o WHERE o.document_id = d.id))
             WHERE id = $3")
        .bind(now)
        .bind(seal_use)
        .bind(id)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Marks a file as being sent. Returns false if it is not to be sent any more: it is in the trash or out of its field.
    pub async fn mark_sending(tx: &mut Tx, id: &DispatchId, now: Timestamp) -> Result<bool, DbError> {
        let marked = sql("UPDATE dispatches SET state = 'sending', resend = FALSE, error = NULL, updated_at = $1
             WHERE id = $2 AND state IN ('queued', 'failed') AND (kind = 'photo' OR EXISTS (
               SELECT 1 FROM documents d
               WHERE d.id = dispatches.document_id AND d.deleted_at IS NULL AND d.field_key IS NOT NULL))")
        .bind(now)
        .bind(id)
        .execute(tx)
        .await?;
        Ok(marked == 1)
    }

    /// Writes the result of a try. A refused file is sent again.
    pub async fn set_state(
        tx: &mut Tx,
        id: &DispatchId,
        state: DeliveryState,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<(), DbError> {
        sql("UPDATE dispatches SET state = $1, resend = ($1 = 'failed'), error = $2, updated_at = $3 WHERE id = $4")
            .bind(state)
            .bind(error)
            .bind(now)
            .bind(id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Marks dispatches of a run that died while it sent them as `unknown`: the vendor may have them.
    pub async fn mark_interrupted(tx: &mut Tx, seal_use: &SealUseId, now: Timestamp) -> Result<(), DbError> {
        sql("UPDATE dispatches SET state = 'unknown', updated_at = $1,
               error = 'the service stopped while it sent this file; check at the vendor whether the file arrived'
             WHERE seal_use_id = $2 AND state = 'sending'")
        .bind(now)
        .bind(seal_use)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Returns true if there is a supplied photo in state `unknown`.
    pub async fn any_unknown(on: impl Into<On<'_>>, seal_use: &SealUseId) -> Result<bool, DbError> {
        sql("SELECT EXISTS (SELECT 1 FROM dispatches WHERE seal_use_id = $1 AND kind = 'photo' AND state = 'unknown')")
            .bind(seal_use)
            .scalar(on)
            .await
    }

    /// Marks supplied photos in state `unknown` as sent if the vendor lists them now.
    pub async fn mark_listed(tx: &mut Tx, seal_use: &SealUseId, now: Timestamp) -> Result<(), DbError> {
        sql("UPDATE dispatches SET state = 'sent', error = NULL, updated_at = $1
             WHERE seal_use_id = $2 AND kind = 'photo' AND state = 'unknown' AND EXISTS (
               SELECT 1 FROM photos p WHERE p.seal_use_id = dispatches.seal_use_id AND p.source = 'supply'
                 AND p.photokey IS NOT NULL AND p.grant_id = dispatches.grant_id
                 AND p.original_hash = dispatches.original_hash)")
        .bind(now)
        .bind(seal_use)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Queues the failed and unknown dispatches of the flow again, by a user's request. A stamped file that the vendor
    /// does not take stays failed.
    pub async fn send_again(tx: &mut Tx, flow: &FlowId, now: Timestamp) -> Result<(), DbError> {
        let uses: Vec<SealUseId> =
            sql("SELECT DISTINCT s.id FROM seal_uses s JOIN dispatches v ON v.seal_use_id = s.id
             WHERE s.flow_id = $1 AND v.state IN ('failed', 'unknown', 'queued') ORDER BY s.id")
            .bind(flow)
            .scalars(&mut *tx)
            .await?;
        for seal_use in uses {
            queue::wake(tx, JobKind::Send, seal_use.as_str(), now, now).await?;
            let again: Vec<(DispatchId, String, String)> =
                sql("SELECT v.id, v.kind, o.ext FROM dispatches v JOIN originals o ON o.hash = v.original_hash
                     LEFT JOIN documents d ON d.id = v.document_id
                     WHERE v.seal_use_id = $1 AND v.state IN ('failed', 'unknown')
                       AND d.deleted_at IS NULL AND (v.kind = 'photo' OR d.field_key IS NOT NULL) ORDER BY v.id")
                .bind(&seal_use)
                .all(&mut *tx)
                .await?;
            for (id, kind, ext) in again {
                let way =
                    if kind == DispatchKind::Photo.as_str() { Some(DispatchKind::Photo) } else { dispatch_kind(&ext) };
                sql("UPDATE dispatches SET state = $1, kind = COALESCE($2, kind), error = $3, resend = FALSE, updated_at = $4
                     WHERE id = $5")
                .bind(if way.is_some() { DeliveryState::Queued } else { DeliveryState::Failed })
                .bind(way.map(DispatchKind::as_str))
                .bind(way.is_none().then_some(NOT_TAKEN))
                .bind(now)
                .bind(&id)
                .execute(&mut *tx)
                .await?;
            }
        }
        Ok(())
    }
}

/// Forgets that documents were to be sent. They are removed for good, so they were never sent.
pub async fn forget_documents(tx: &mut Tx, documents: &[DocumentId]) -> Result<(), DbError> {
    let ids = padded(documents);
    let text = format!("DELETE FROM dispatches WHERE document_id IN {}", placeholders(1, ids.len()));
    sql(text).bind_all(&ids).execute(tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> Body {
        let node = |key: &str| serde_json::json!({ "key": key, "name": key, "kind": "approval", "assignees": [] });
        let body = serde_json::json!({ "name": "x", "fields": [], "nodes": [node("a"), node("b"), node("c")],
            "integration": { "enabled": true, "serviceId": "", "subjectField": "", "organisationField": "", "sealField": "",
                             "countField": "", "applyNode": "a", "finishNodes": ["b"] } });
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn a_file_that_comes_after_the_finish_node_was_left_is_sent_at_once() {
        let body = body();
        let at = [Some("a"), Some("b"), Some("c"), None].map(|node| sends_at_once(&body, node));
        assert_eq!(at, [false, false, true, true]);
    }

    #[test]
    fn the_vendor_gets_files_one_by_one_and_pictures_together() {
        let kinds = ["pdf", "docx", "jpg", "tif", "doc", "bin"].map(dispatch_kind);
        let (file, images) = (Some(DispatchKind::File), Some(DispatchKind::Images));
        assert_eq!(kinds, [file, file, images, images, None, None]);
    }
}
