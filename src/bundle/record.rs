//! The rows of bundles. The plan in the store names the bytes.

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{DbError, On, Tx, sql},
    id::{BundleId, FlowId},
    vocabulary::words,
};

words! {
    /// What a bundle was made of.
    BundleKind {
        /// The photos of a flow, for local download.
        Photos = "photos",
        /// The evidence package of a flow.
        Evidence = "evidence",
        /// Documents that a user selected.
        Selection = "selection",
    }
}

/// A bundle: its id names its bytes for ever.
#[derive(Clone, Debug, FromRow)]
pub struct Bundle {
    pub id: BundleId,
    #[sqlx(try_from = "String")]
    pub kind: BundleKind,
    pub flow_id: Option<FlowId>,
    /// It has photos of faces, or of an unknown kind.
    pub faces: bool,
    /// The name of the zip.
    pub name: String,
    /// `None`: the bundle has ended.
    pub plan_key: Option<String>,
    pub bytes: i64,
    pub entries: i64,
    /// Strong, with its quotes.
    pub etag: String,
    /// The rights that its documents need, as JSON. `None`: those of its flow.
    pub needs: Option<String>,
    /// What could not be given, as a JSON list.
    pub left_out: String,
    pub made_by: String,
    pub made_at: Timestamp,
    /// `None`: it does not end.
    pub expires_at: Option<Timestamp>,
}

impl Bundle {
    pub async fn find(on: impl Into<On<'_>>, id: &BundleId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM bundles WHERE id = $1").bind(id).optional(on).await
    }

    /// Returns the bundle of this state of a flow, if it has not ended.
    pub async fn of_state(
        on: impl Into<On<'_>>,
        flow: &FlowId,
        kind: BundleKind,
        etag: &str,
    ) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM bundles WHERE flow_id = $1 AND kind = $2 AND etag = $3 AND plan_key IS NOT NULL")
            .bind(flow)
            .bind(kind)
            .bind(etag)
            .optional(on)
            .await
    }

    /// Writes the row. Returns false if this state of the flow has a bundle.
    pub async fn insert(&self, tx: &mut Tx) -> Result<bool, DbError> {
        let written = sql("INSERT INTO bundles (id, kind, flow_id, faces, name, plan_key, bytes, entries, etag, left_out, made_by, made_at, expires_at, needs)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING")
            .bind(&self.id)
            .bind(self.kind)
            .bind(self.flow_id.as_ref())
            .bind(self.faces)
            .bind(&self.name)
            .bind(self.plan_key.clone())
            .bind(self.bytes)
            .bind(self.entries)
            .bind(&self.etag)
            .bind(&self.left_out)
            .bind(&self.made_by)
            .bind(self.made_at)
            .bind(self.expires_at)
            .bind(self.needs.clone())
            .execute(tx)
            .await?;
        Ok(written == 1)
    }

    /// Returns the bundles whose time is over and whose objects are still there.
    pub async fn expired(on: impl Into<On<'_>>, now: Timestamp, limit: i64) -> Result<Vec<Self>, DbError> {
        sql("SELECT * FROM bundles WHERE plan_key IS NOT NULL AND expires_at IS NOT NULL AND expires_at <= $1
             ORDER BY expires_at, id LIMIT $2")
        .bind(now)
        .bind(limit)
        .all(on)
        .await
    }

    /// Moves the end of a bundle that has one to a later time.
    pub async fn prolong(tx: &mut Tx, id: &BundleId, until: Option<Timestamp>) -> Result<(), DbError> {
        sql("UPDATE bundles SET expires_at = $1 WHERE id = $2 AND expires_at < $1 AND plan_key IS NOT NULL")
            .bind(until)
            .bind(id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Marks the bundle as ended. Its id is gone for ever.
    pub async fn end(tx: &mut Tx, id: &BundleId) -> Result<(), DbError> {
        sql("UPDATE bundles SET plan_key = NULL WHERE id = $1").bind(id).execute(tx).await?;
        Ok(())
    }
}
