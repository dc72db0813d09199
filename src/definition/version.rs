//! The versions of definitions, as rows.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use sqlx::FromRow;

use super::{Body, folders};
use crate::{
    clock::Timestamp,
    db::{Arg, Db, DbError, On, Tx, filter::Filtered, sql},
    id::DefinitionId,
};

/// One version of a definition.
#[derive(Clone, Debug)]
pub struct Definition {
    pub id: DefinitionId,
    pub version: i64,
    pub created_at: Timestamp,
    pub body: Body,
}

#[derive(FromRow)]
struct Row {
    definition_id: DefinitionId,
    version: i64,
    body: String,
    created_at: Timestamp,
}

impl TryFrom<Row> for Definition {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let body = serde_json::from_str(&row.body).map_err(|error| DbError::Decode(error.into()))?;
        Ok(Self { id: row.definition_id, version: row.version, created_at: row.created_at, body })
    }
}

impl Definition {
    /// Saves a first or a further version, and binds it to its folders. The caller must have checked the body.
    pub async fn save(tx: &mut Tx, id: &DefinitionId, body: &Body, by: &str, now: Timestamp) -> Result<i64, DbError> {
        let version: i64 = sql("INSERT INTO definitions (id, name, version, created_at) VALUES ($1, $2, 1, $3)
             ON CONFLICT (id) DO UPDATE SET version = definitions.version + 1, name = excluded.name RETURNING version")
        .bind(id)
        .bind(&body.name)
        .bind(now)
        .scalar(&mut *tx)
        .await?;
        let text = serde_json::to_string(body).map_err(|error| DbError::Encode(error.into()))?;
        sql("INSERT INTO definition_versions (definition_id, version, body, created_at, created_by) VALUES ($1, $2, $3, $4, $5)")
            .bind(id)
            .bind(version)
            .bind(text)
            .bind(now)
            .bind(by)
            .execute(&mut *tx)
            .await?;
        folders::bind(tx, id, version, body, now).await?;
        Ok(version)
    }

    /// Returns the current version.
    pub async fn current(on: impl Into<On<'_>>, id: &DefinitionId) -> Result<Option<Self>, DbError> {
        let row: Option<Row> = sql("SELECT v.* FROM definition_versions v JOIN definitions d ON d.id = v.definition_id AND d.version = v.version
             WHERE d.id = $1")
            .bind(id)
            .optional(on)
            .await?;
        row.map(Self::try_from).transpose()
    }

    /// Returns one version. A flow refers to its version, so the version exists as long as the flow.
    pub async fn version(on: impl Into<On<'_>>, id: &DefinitionId, version: i64) -> Result<Self, DbError> {
        sql("SELECT * FROM definition_versions WHERE definition_id = $1 AND version = $2")
            .bind(id)
            .bind(version)
            .one::<Row>(on)
            .await?
            .try_into()
    }

    /// Returns one version if it exists.
    pub async fn find_version(on: impl Into<On<'_>>, id: &DefinitionId, version: i64) -> Result<Option<Self>, DbError> {
        let row: Option<Row> = sql("SELECT * FROM definition_versions WHERE definition_id = $1 AND version = $2")
            .bind(id)
            .bind(version)
            .optional(on)
            .await?;
        row.map(Self::try_from).transpose()
    }

    /// Returns the bodies of several versions. Each version is read once.
    pub async fn versions<'i>(
        db: &Db,
        wanted: impl Iterator<Item = (&'i DefinitionId, i64)>,
    ) -> Result<HashMap<(DefinitionId, i64), Body>, DbError> {
        let wanted: HashSet<(&DefinitionId, i64)> = wanted.collect();
        let each = (0..wanted.len()).map(|n| format!("(definition_id = ${} AND version = ${})", 2 * n + 1, 2 * n + 2));
        let statement =
            each.fold("SELECT * FROM definition_versions WHERE FALSE".to_owned(), |all, one| all + " OR " + &one);
        let args = wanted.into_iter().flat_map(|(id, version)| [Arg::from(id), Arg::from(version)]);
        let rows: Vec<Row> = sql(statement).bind_all(args).all(db).await?;
        let body = |row: Row| Self::try_from(row).map(|found| ((found.id, found.version), found.body));
        rows.into_iter().map(body).collect()
    }

    /// Returns every definition in its current version.
    pub async fn all_current(on: impl Into<On<'_>>) -> Result<Vec<Self>, DbError> {
        let rows: Vec<Row> = sql("SELECT v.* FROM definition_versions v JOIN definitions d ON d.id = v.definition_id AND d.version = v.version
             ORDER BY d.id")
            .all(on)
            .await?;
        rows.into_iter().map(Self::try_from).collect()
    }

    /// Returns current versions before `after`, newest definition first.
    pub async fn list(db: &Db, after: Option<&DefinitionId>, limit: i64) -> Result<Vec<Self>, DbError> {
        let current = "SELECT v.* FROM definition_versions v JOIN definitions d ON d.id = v.definition_id AND d.version = v.version";
        let rows: Vec<Row> = Filtered::new(current).and("d.id <", after).newest_first("d.id", limit).all(db).await?;
        rows.into_iter().map(Self::try_from).collect()
    }

    /// Returns the versions of a definition, newest first.
    pub async fn version_heads(db: &Db, id: &DefinitionId) -> Result<Vec<VersionHead>, DbError> {
        sql("SELECT v.version, v.created_at, v.created_by,
               (SELECT COUNT(*) FROM flows f WHERE f.definition_id = v.definition_id AND f.version = v.version
                  AND f.state IN ('running', 'rejected')) AS flows
             FROM definition_versions v WHERE v.definition_id = $1 ORDER BY v.version DESC")
        .bind(id)
        .all(db)
        .await
    }
}

/// A version of a definition, as the list of its versions shows it.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionHead {
    pub version: i64,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Username of the administrator.
    pub created_by: String,
    /// The flows of this version that are neither archived nor withdrawn. Drafts do not count.
    pub flows: i64,
}
