//! An original (原件): bytes identified by their BLAKE3 hash and stored once.

pub mod checking;
pub mod parted;
pub mod unlinked;

use std::collections::HashSet;

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{DbError, On, Sql, Tx, pieces, rows, sql},
    hash::Blake3,
};

#[derive(Clone, Debug, FromRow)]
pub struct Original {
    pub hash: Blake3,
    pub sha256: String,
    /// Slow to compute, so it is computed when the flow is archived.
    pub sm3: Option<String>,
    pub crc32: i64,
    pub bytes: i64,
    pub mime: String,
    pub ext: String,
    pub width: Option<i64>,
    pub height: Option<i64>,
    /// False: the bytes end before the picture does.
    pub complete: bool,
    /// Key of the bytes in the store. It stays valid when folders are renamed.
    pub store_key: String,
    /// Why there are no thumbnails. `None` if they exist.
    pub undecodable: Option<String>,
    pub created_at: Timestamp,
}

impl Original {
    pub async fn find(on: impl Into<On<'_>>, hash: &Blake3) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM originals WHERE hash = $1").bind(hash).optional(on).await
    }

    /// Writes the rows and returns which of them are new. The unique index on the hash decides between concurrent
    /// writers, whose bytes are the same. Rows are written in hash order, so that two writers of the same contents do
    /// not deadlock.
    pub async fn insert_all<'a>(
        tx: &mut Tx,
        originals: impl IntoIterator<Item = &'a Self>,
    ) -> Result<HashSet<Blake3>, DbError> {
        let mut sorted: Vec<&Self> = originals.into_iter().collect();
        sorted.sort_by(|a, b| a.hash.cmp(&b.hash));
        let mut new = HashSet::new();
        for piece in pieces(&sorted) {
            let text = format!(
                "INSERT INTO originals (hash, sha256, sm3, crc32, bytes, mime, ext, width, height, complete, store_key, undecodable, created_at, checked_at)
                 VALUES {} ON CONFLICT (hash) DO NOTHING RETURNING hash",
                rows(14, piece.len())
            );
            let statement = piece.iter().fold(sql(text), |statement, original| original.bound(statement));
            new.extend(statement.scalars::<Blake3>(&mut *tx).await?);
        }
        Ok(new)
    }

    fn bound(&self, statement: Sql) -> Sql {
        statement
            .bind(&self.hash)
            .bind(&self.sha256)
            .bind(self.sm3.clone())
            .bind(self.crc32)
            .bind(self.bytes)
            .bind(&self.mime)
            .bind(&self.ext)
            .bind(self.width)
            .bind(self.height)
            .bind(self.complete)
            .bind(&self.store_key)
            .bind(self.undecodable.clone())
            .bind(self.created_at)
            // The bytes were hashed as they came.
            .bind(self.created_at)
    }

    pub async fn count(on: impl Into<On<'_>>) -> Result<i64, DbError> {
        sql("SELECT COUNT(*) FROM originals").scalar(on).await
    }

    pub async fn set_sm3(tx: &mut Tx, hash: &Blake3, sm3: &str) -> Result<(), DbError> {
        sql("UPDATE originals SET sm3 = $1 WHERE hash = $2").bind(sm3).bind(hash).execute(tx).await?;
        Ok(())
    }
}
