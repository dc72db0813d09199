//! How far a run that makes the search index anew has come, and its steps over documents, folders and terms.

use sqlx::FromRow;

use super::search_terms;
use crate::{
    db::{Db, DbError, Tx, sql},
    id::{DocumentId, FolderId},
    vocabulary::words,
};

words! {
    /// What a run of `yinku reindex` works on, in this order.
    ReindexPart {
        Flows = "flows",
        Documents = "documents",
        Folders = "folders",
        /// Removes the terms of owners that do not exist.
        Terms = "terms",
    }
}

/// Where a run stands. Another run goes on there.
#[derive(Clone, Debug, FromRow)]
pub struct ReindexPlace {
    #[sqlx(try_from = "String")]
    pub part: ReindexPart,
    /// The last id or term that was done.
    pub after: String,
}

impl ReindexPlace {
    /// Returns the place of an unfinished run, or the beginning.
    pub async fn read(db: &Db) -> Result<Self, DbError> {
        let place = sql("SELECT part, after FROM reindex_runs WHERE id = 1").optional(db).await?;
        Ok(place.unwrap_or(Self { part: ReindexPart::Flows, after: String::new() }))
    }

    pub async fn write(&self, tx: &mut Tx) -> Result<(), DbError> {
        sql("INSERT INTO reindex_runs (id, part, after) VALUES (1, $1, $2)
             ON CONFLICT (id) DO UPDATE SET part = excluded.part, after = excluded.after")
        .bind(self.part)
        .bind(&self.after)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Records that the run has ended.
    pub async fn end(tx: &mut Tx) -> Result<(), DbError> {
        sql("DELETE FROM reindex_runs WHERE id = 1").execute(tx).await?;
        Ok(())
    }
}

/// Writes the terms of the next documents without a flow. Returns the last of them, or `None` after the last.
pub async fn documents(tx: &mut Tx, after: &str, count: i64) -> Result<Option<String>, DbError> {
    let next: Vec<(DocumentId, String)> =
        sql("SELECT id, name FROM documents WHERE id > $1 AND flow_id IS NULL ORDER BY id LIMIT $2")
            .bind(after)
            .bind(count)
            .all(&mut *tx)
            .await?;
    for (id, name) in &next {
        search_terms::add_alone(tx, id, name).await?;
    }
    Ok(next.last().map(|(id, _)| id.to_string()))
}

/// Writes the terms of the next folders. Returns the last of them, or `None` after the last.
pub async fn folders(tx: &mut Tx, after: &str, count: i64) -> Result<Option<String>, DbError> {
    let next: Vec<(FolderId, String)> = sql("SELECT id, name FROM folders WHERE id > $1 ORDER BY id LIMIT $2")
        .bind(after)
        .bind(count)
        .all(&mut *tx)
        .await?;
    for (id, name) in &next {
        search_terms::forget_folder(tx, id).await?;
        search_terms::put_folder(tx, id, name).await?;
    }
    Ok(next.last().map(|(id, _)| id.to_string()))
}

/// Removes those of the next terms whose owner does not exist. Returns the last term, or `None` after the last.
pub async fn terms(tx: &mut Tx, after: &str, count: i64) -> Result<Option<String>, DbError> {
    let (no, term) = after.split_once(' ').unwrap_or(("0", ""));
    let no: i64 = no.parse().unwrap_or_default();
    let last: Option<(String, i64)> = sql("SELECT term, no FROM (SELECT term, no FROM search_terms
           WHERE (term, no) > ($1, $2) ORDER BY term, no LIMIT $3) AS t ORDER BY term DESC, no DESC LIMIT 1")
    .bind(term)
    .bind(no)
    .bind(count)
    .optional(&mut *tx)
    .await?;
    let Some((last, last_no)) = last else { return Ok(None) };
    sql("DELETE FROM search_terms WHERE (term, no) > ($1, $2) AND (term, no) <= ($3, $4)
           AND NOT EXISTS (SELECT 1 FROM search_owners o WHERE o.no = search_terms.no)")
    .bind(term)
    .bind(no)
    .bind(&last)
    .bind(last_no)
    .execute(tx)
    .await?;
    Ok(Some(format!("{last_no} {last}")))
}
