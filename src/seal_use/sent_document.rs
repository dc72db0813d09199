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
    let sent: Option<(String,)> = sql(
        "SELECT vendor_id FROM sent_documents WHERE seal_use_id = $1 AND document_id = $2 AND vendor_id IS NOT NULL",
    )
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

/// Marks a document as being sent, before its first byte. Returns false if it is in the trash or out of its field. The
/// caller has locked the flow, so a user takes the document out before this or after it.
pub async fn mark_sending(
    tx: &mut Tx,
    seal_use: &SealUseId,
    document: &DocumentId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let there: bool =
        sql("SELECT EXISTS (SELECT 1 FROM documents WHERE id = $1 AND deleted_at IS NULL AND field_key IS NOT NULL)")
            .bind(document)
            .scalar(&mut *tx)
            .await?;
    if there {
        sql("INSERT INTO sent_documents (seal_use_id, document_id, sent_at) VALUES ($1, $2, $3)
             ON CONFLICT (seal_use_id, document_id) DO NOTHING")
        .bind(seal_use)
        .bind(document)
        .bind(now)
        .execute(tx)
        .await?;
    }
    Ok(there)
}

/// The vendor surely did not take the document.
pub async fn not_sent(tx: &mut Tx, seal_use: &SealUseId, document: &DocumentId) -> Result<(), DbError> {
    sql("DELETE FROM sent_documents WHERE seal_use_id = $1 AND document_id = $2 AND vendor_id IS NULL")
        .bind(seal_use)
        .bind(document)
        .execute(tx)
        .await?;
    Ok(())
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
