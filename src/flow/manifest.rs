//! The manifests of a flow that has ended, and what the archive writes to the flow.

use sqlx::FromRow;

use super::LockedFlow;
use crate::{
    clock::Timestamp,
    db::{DbError, On, Tx, sql},
    hash::Blake3,
    id::FlowId,
    library::document::CountedDocuments,
};

/// A manifest in the store.
#[derive(Clone, Debug, FromRow)]
pub struct StoredManifest {
    pub n: i64,
    pub store_key: String,
    pub hash: Blake3,
    pub created_at: Timestamp,
}

impl StoredManifest {
    /// Returns the last manifest of a flow.
    pub async fn last(on: impl Into<On<'_>>, flow: &FlowId) -> Result<Option<Self>, DbError> {
        sql("SELECT n, store_key, hash, created_at FROM manifests WHERE flow_id = $1 ORDER BY n DESC LIMIT 1")
            .bind(flow)
            .optional(on)
            .await
    }
}

/// A manifest that is in the store and has no row yet.
#[derive(Clone, Copy, Debug)]
pub struct NewManifest<'a> {
    /// 1 for the archive, then one more for each supplement.
    pub n: u32,
    pub store_key: &'a str,
    pub hash: &'a Blake3,
    /// The documents that it names.
    pub documents: CountedDocuments,
}

/// What the manifests of a flow record so far.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct Recorded {
    manifests: i64,
    documents: i64,
    of_known_kind: i64,
}

impl Recorded {
    pub async fn of(on: impl Into<On<'_>>, flow: &FlowId) -> Result<Self, DbError> {
        sql("SELECT COUNT(*) AS manifests, COALESCE(MAX(documents), 0) AS documents, COALESCE(MAX(of_known_kind), 0) AS of_known_kind
             FROM manifests WHERE flow_id = $1")
        .bind(flow)
        .one(on)
        .await
    }

    /// Returns true if the flow has a manifest.
    #[must_use]
    pub fn any(&self) -> bool {
        self.manifests > 0
    }

    /// Returns true if a further manifest is due: documents came, or the kind of a photo was settled.
    #[must_use]
    pub fn lacks(&self, present: &CountedDocuments) -> bool {
        present.all > self.documents || present.of_known_kind > self.of_known_kind
    }
}

impl LockedFlow {
    /// Writes the row of a manifest. The flow is archived from then on. A withdrawn flow stays withdrawn.
    pub async fn archive(&self, tx: &mut Tx, manifest: NewManifest<'_>, now: Timestamp) -> Result<(), DbError> {
        sql("INSERT INTO manifests (flow_id, n, store_key, hash, documents, of_known_kind, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(&self.id)
            .bind(manifest.n)
            .bind(manifest.store_key)
            .bind(manifest.hash)
            .bind(manifest.documents.all)
            .bind(manifest.documents.of_known_kind)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        sql("UPDATE flows SET manifest_no = $1, updated_at = $2 WHERE id = $3")
            .bind(manifest.n)
            .bind(now)
            .bind(&self.id)
            .execute(&mut *tx)
            .await?;
        sql("UPDATE flows SET state = 'archived', archived_at = COALESCE(archived_at, $1) WHERE id = $2 AND state <> 'withdrawn'")
            .bind(now)
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Writes, as JSON, who accepted which missing photos.
    pub async fn accept_missing(&self, tx: &mut Tx, accepted: &str) -> Result<(), DbError> {
        sql("UPDATE flows SET missing_accepted = $1 WHERE id = $2").bind(accepted).bind(&self.id).execute(tx).await?;
        Ok(())
    }
}
