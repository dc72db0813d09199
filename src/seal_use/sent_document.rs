//! Which documents of a seal use the vendor has, by the vendor's ids.

use crate::{
    clock::Timestamp,
    db::{DbError, On, Tx, sql},
    id::{DocumentId, SealUseId},
};

/// The vendor's id of a document that was sent before.
pub async fn vendor_id(
    on: impl Into<On<'_>>,
    seal_use: &SealUseId,
    document: &DocumentId,
) -> Result<Option<String>, DbError> {
    let sent: Option<(String,)> =
        sql("SELECT vendor_id FROM sent_documents WHERE seal_use_id = $1 AND document_id = $2")
            .bind(seal_use)
            .bind(document)
            .optional(on)
            .await?;
    Ok(sent.map(|sent| sent.0))
}

/// Returns true if the vendor got the document, or may have got it: before the application, or as a stamped file.
pub async fn went_to_vendor(tx: &mut Tx, document: &DocumentId) -> Result<bool, DbError> {
    sql("SELECT EXISTS (SELECT 1 FROM sent_documents WHERE document_id = $1)
           OR EXISTS (SELECT 1 FROM dispatches WHERE document_id = $1 AND state IN ('sending', 'sent', 'unknown'))")
    .bind(document)
    .scalar(tx)
    .await
}

/// The document was sent: the vendor knows it as `vendor_id`.
pub async fn record(
    tx: &mut Tx,
    seal_use: &SealUseId,
    document: &DocumentId,
    vendor_id: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    sql("INSERT INTO sent_documents (seal_use_id, document_id, vendor_id, sent_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (seal_use_id, document_id) DO UPDATE SET vendor_id = excluded.vendor_id, sent_at = excluded.sent_at")
    .bind(seal_use)
    .bind(document)
    .bind(vendor_id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}
