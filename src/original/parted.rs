//! Contents whose documents were removed for good. What nothing names a day later goes: first it is marked as going, so
//! that it is not known any more, then its bytes are deleted, then its row.
//!
//! A writer that stores a content asks [`known`] first, which begins the day anew. So a content that is about to get a
//! document never goes.

use std::collections::HashSet;

use super::Original;
use crate::{
    clock::Timestamp,
    db::{Db, DbError, Tx, padded, pieces, placeholders, rows, sql},
    hash::Blake3,
};

/// Notes contents whose documents are removed in this transaction. Other rows may name them still.
pub async fn note(tx: &mut Tx, hashes: &[Blake3], now: Timestamp) -> Result<(), DbError> {
    for piece in pieces(hashes) {
        let text = format!(
            "INSERT INTO parted_originals (hash, since) VALUES {} ON CONFLICT (hash) DO NOTHING",
            rows(2, piece.len())
        );
        piece.iter().fold(sql(text), |statement, hash| statement.bind(hash).bind(now)).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Returns a content that is stored, for a new document. `None`: store it. Fails for a moment while its bytes are deleted.
pub async fn known(db: &Db, hash: &Blake3, now: Timestamp) -> Result<Option<Original>, DbError> {
    let Some(original) = Original::find(db, hash).await? else { return Ok(None) };
    let going: Option<(bool,)> =
        sql("SELECT going FROM parted_originals WHERE hash = $1").bind(hash).optional(db).await?;
    if going.is_none() {
        return Ok(Some(original));
    }
    let mut tx = db.begin().await?;
    let kept = sql("UPDATE parted_originals SET since = $1 WHERE hash = $2 AND NOT going")
        .bind(now)
        .bind(hash)
        .execute(&mut tx)
        .await?;
    tx.commit().await?;
    match (kept, Original::find(db, hash).await?) {
        (1, known) | (_, known @ None) => Ok(known),
        // As when a row is locked: the caller tries again.
        (_, Some(_)) => Err(DbError::PoolTimedOut),
    }
}

/// Returns contents that parted before this time, and those that are going, in their order after `after`.
pub async fn due(db: &Db, before: Timestamp, after: Option<&Blake3>, limit: i64) -> Result<Vec<Blake3>, DbError> {
    sql("SELECT hash FROM parted_originals WHERE (since < $1 OR going) AND hash > $2 ORDER BY hash LIMIT $3")
        .bind(before)
        .bind(after.map_or("", Blake3::as_str))
        .bind(limit)
        .scalars(db)
        .await
}

/// Returns those of the contents that are no photo. Photos have no index that begins with the content: this walks over
/// all of them.
pub async fn without_photos(db: &Db, hashes: &[Blake3]) -> Result<Vec<Blake3>, DbError> {
    let list = padded(hashes);
    let text =
        format!("SELECT DISTINCT original_hash FROM photos WHERE original_hash IN {}", placeholders(1, list.len()));
    let of_photos: HashSet<Blake3> = sql(text).bind_all(&list).scalars::<Blake3>(db).await?.into_iter().collect();
    Ok(hashes.iter().filter(|hash| !of_photos.contains(*hash)).cloned().collect())
}

/// Marks a content as going if nothing names it, and returns it. Otherwise it is forgotten here, and stays.
pub async fn let_go(tx: &mut Tx, hash: &Blake3, before: Timestamp) -> Result<Option<Original>, DbError> {
    let going = sql("UPDATE parted_originals SET going = TRUE WHERE hash = $1 AND (going OR since < $2
           AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.original_hash = $1)
           AND NOT EXISTS (SELECT 1 FROM dispatches v WHERE v.original_hash = $1))")
    .bind(hash)
    .bind(before)
    .execute(&mut *tx)
    .await?;
    if going == 1 {
        return Original::find(tx, hash).await;
    }
    sql("DELETE FROM parted_originals WHERE hash = $1 AND since < $2 AND NOT going")
        .bind(hash)
        .bind(before)
        .execute(tx)
        .await?;
    Ok(None)
}

/// Removes the row of a content whose bytes are deleted.
pub async fn remove(tx: &mut Tx, hash: &Blake3) -> Result<(), DbError> {
    for text in [
        "DELETE FROM originals WHERE hash = $1 AND EXISTS (SELECT 1 FROM parted_originals p WHERE p.hash = $1 AND p.going)",
        "DELETE FROM parted_originals WHERE hash = $1 AND going",
    ] {
        sql(text).bind(hash).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Returns those of the contents that are going or gone.
pub async fn gone_among(db: &Db, hashes: &[Blake3]) -> Result<Vec<Blake3>, DbError> {
    let mut gone: Vec<Blake3> = hashes.to_vec();
    for piece in hashes.chunks(1024) {
        let piece = padded(piece);
        let text = format!(
            "SELECT o.hash FROM originals o WHERE o.hash IN {}
               AND NOT EXISTS (SELECT 1 FROM parted_originals p WHERE p.hash = o.hash AND p.going)",
            placeholders(1, piece.len())
        );
        let here: Vec<Blake3> = sql(text).bind_all(&piece).scalars(db).await?;
        gone.retain(|hash| !here.contains(hash));
    }
    Ok(gone)
}
