//! The evidence packages of a flow that are made: one for each state of the flow and variant.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{DbError, On, Tx, sql},
    id::{BundleId, FlowId},
};

/// The identity of the package of a flow's last manifest.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageSeal {
    /// The number of the manifest.
    pub n: i64,
    /// SHA-256 of the package's tag manifest.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub s: String,
    #[schema(value_type = String, format = DateTime)]
    pub sealed_at: Timestamp,
}

impl PackageSeal {
    /// Returns the seal of the package without faces of the last manifest. `None` until it is made.
    pub async fn of_flow(on: impl Into<On<'_>>, flow: &FlowId) -> Result<Option<Self>, DbError> {
        sql("SELECT e.n, e.s, e.sealed_at FROM evidence_packages e JOIN flows f ON f.id = e.flow_id AND f.manifest_no = e.n
             WHERE e.flow_id = $1 AND e.n > 0 AND NOT e.faces")
        .bind(flow)
        .optional(on)
        .await
    }
}

/// A package that is made.
#[derive(Clone, Debug, FromRow)]
pub struct SealedPackage {
    pub flow_id: FlowId,
    pub state: String,
    pub faces: bool,
    pub n: i64,
    pub s: String,
    pub bundle_id: BundleId,
    pub missing: i64,
    pub withheld: i64,
    pub sealed_at: Timestamp,
}

impl SealedPackage {
    /// Returns the package of this state whose bundle has not ended.
    pub async fn find(on: impl Into<On<'_>>, flow: &FlowId, state: &str, faces: bool) -> Result<Option<Self>, DbError> {
        sql("SELECT e.* FROM evidence_packages e JOIN bundles b ON b.id = e.bundle_id
             WHERE e.flow_id = $1 AND e.state = $2 AND e.faces = $3 AND b.plan_key IS NOT NULL")
        .bind(flow)
        .bind(state)
        .bind(faces)
        .optional(on)
        .await
    }

    /// Writes the row. Returns false if another node has made the package of this state.
    pub async fn insert(&self, tx: &mut Tx) -> Result<bool, DbError> {
        let written =
            sql("INSERT INTO evidence_packages (flow_id, state, faces, n, s, bundle_id, missing, withheld, sealed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (flow_id, state, faces) DO NOTHING")
            .bind(&self.flow_id)
            .bind(&self.state)
            .bind(self.faces)
            .bind(self.n)
            .bind(&self.s)
            .bind(&self.bundle_id)
            .bind(self.missing)
            .bind(self.withheld)
            .bind(self.sealed_at)
            .execute(tx)
            .await?;
        Ok(written == 1)
    }

    /// Forgets the package of a bundle that has ended.
    pub async fn forget(tx: &mut Tx, bundle: &BundleId) -> Result<(), DbError> {
        sql("DELETE FROM evidence_packages WHERE bundle_id = $1").bind(bundle).execute(tx).await?;
        Ok(())
    }
}
