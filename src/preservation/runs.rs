//! The runs of the fixity check. A run that is asked for waits for the one before it.

use serde::Serialize;
use sqlx::FromRow;

use super::fixity::{FixityResult, GroupTally};
use crate::{
    clock::Timestamp,
    db::{DbError, On, Tx, sql},
    id::{FixityRunId, FlowId, FolderId},
    vocabulary::words,
};

words! {
    /// What a run checks.
    RunKind {
        /// A share of the originals, the longest unchecked first.
        Scheduled = "scheduled",
        /// Every original, and the objects without a row.
        All = "all",
        /// A share of the originals, drawn by chance.
        Sample = "sample",
        /// The originals of one flow.
        Flow = "flow",
        /// The originals of a folder and the folders below it.
        Folder = "folder",
    }
}

#[derive(Clone, Debug, FromRow)]
pub struct FixityRun {
    pub id: FixityRunId,
    #[sqlx(try_from = "String")]
    pub kind: RunKind,
    /// Millionths of all originals.
    pub share: Option<i64>,
    pub flow_id: Option<FlowId>,
    pub folder_id: Option<FolderId>,
    pub asked_by: String,
    pub asked_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// How many originals the run looks at. `None`: all that it chooses.
    pub target: Option<i64>,
    pub checked: i64,
    pub bytes: i64,
    pub missing: i64,
    pub changed: i64,
    pub untracked: i64,
    pub not_checked: i64,
    pub result: Option<String>,
    /// Why the run could not check something.
    pub detail: Option<String>,
}

impl FixityRun {
    #[must_use]
    pub fn new(kind: RunKind, asked_by: &str, now: Timestamp) -> Self {
        Self {
            id: FixityRunId::new(),
            kind,
            share: None,
            flow_id: None,
            folder_id: None,
            asked_by: asked_by.to_owned(),
            asked_at: now,
            started_at: None,
            ended_at: None,
            target: None,
            checked: 0,
            bytes: 0,
            missing: 0,
            changed: 0,
            untracked: 0,
            not_checked: 0,
            result: None,
            detail: None,
        }
    }

    /// Returns how the run has ended if it ends now.
    #[must_use]
    pub fn outcome(&self) -> FixityResult {
        if self.not_checked > 0 || self.detail.is_some() {
            FixityResult::CouldNotCheck
        } else if self.missing + self.changed + self.untracked > 0 {
            FixityResult::Findings
        } else {
            FixityResult::Good
        }
    }

    pub fn add(&mut self, tally: &GroupTally) {
        self.checked += tally.checked;
        self.bytes += tally.bytes;
        self.missing += tally.missing;
        self.changed += tally.changed;
        self.not_checked += tally.not_checked;
    }

    /// What the audit log says of the run.
    #[must_use]
    pub fn summary(&self) -> String {
        let why = self.detail.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        format!(
            "{}: {} checked, {} missing, {} changed, {} not checked, {} untracked ({}){why}",
            self.outcome(),
            self.checked,
            self.missing,
            self.changed,
            self.not_checked,
            self.untracked,
            self.kind
        )
    }

    pub async fn insert(&self, tx: &mut Tx) -> Result<(), DbError> {
        sql("INSERT INTO fixity_runs (id, kind, share, flow_id, folder_id, asked_by, asked_at, started_at, ended_at, target, checked, bytes,
               missing, changed, untracked, not_checked, result, detail)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)")
            .bind(&self.id)
            .bind(self.kind)
            .bind(self.share)
            .bind(self.flow_id.as_ref())
            .bind(self.folder_id.as_ref())
            .bind(&self.asked_by)
            .bind(self.asked_at)
            .bind(self.started_at)
            .bind(self.ended_at)
            .bind(self.target)
            .bind(self.checked)
            .bind(self.bytes)
            .bind(self.missing)
            .bind(self.changed)
            .bind(self.untracked)
            .bind(self.not_checked)
            .bind(self.result.clone())
            .bind(self.detail.clone())
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Writes how far the run is.
    pub async fn update(&self, tx: &mut Tx) -> Result<(), DbError> {
        sql("UPDATE fixity_runs SET started_at = $1, ended_at = $2, target = $3, checked = $4, bytes = $5, missing = $6, changed = $7,
               untracked = $8, not_checked = $9, result = $10, detail = $11 WHERE id = $12")
            .bind(self.started_at)
            .bind(self.ended_at)
            .bind(self.target)
            .bind(self.checked)
            .bind(self.bytes)
            .bind(self.missing)
            .bind(self.changed)
            .bind(self.untracked)
            .bind(self.not_checked)
            .bind(self.result.clone())
            .bind(self.detail.clone())
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Returns the run that was asked for first and has not ended.
    pub async fn open(on: impl Into<On<'_>>) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM fixity_runs WHERE ended_at IS NULL ORDER BY id LIMIT 1").optional(on).await
    }

    pub async fn count_open(on: impl Into<On<'_>>) -> Result<i64, DbError> {
        sql("SELECT COUNT(*) FROM fixity_runs WHERE ended_at IS NULL").scalar(on).await
    }

    /// Returns the run that ended last.
    pub async fn last(on: impl Into<On<'_>>) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM fixity_runs WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, id DESC LIMIT 1")
            .optional(on)
            .await
    }

    /// Returns when the last scheduled run began. Before the first one, the last run that was asked for.
    pub async fn last_planned(on: impl Into<On<'_>>) -> Result<Option<Timestamp>, DbError> {
        sql("SELECT COALESCE(MAX(CASE WHEN kind = 'scheduled' THEN asked_at END), MAX(asked_at)) FROM fixity_runs")
            .scalar(on)
            .await
    }
}

/// A run as it is shown.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FixityRunView {
    pub id: FixityRunId,
    pub kind: RunKind,
    /// The user who asked for it, or `yinku`.
    pub asked_by: String,
    /// `null`: it waits for the run before it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// `null`: it has not ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
    /// Originals that were read whole, or are missing.
    pub checked: i64,
    pub bytes: i64,
    /// The share of all originals. `null`: of those that the run chooses, all.
    pub share: Option<f64>,
    pub missing: i64,
    pub changed: i64,
    /// Objects without a row.
    pub untracked: i64,
    /// Originals that could not be read.
    pub not_checked: i64,
    /// `null`: it has not ended.
    pub result: Option<FixityResult>,
    pub detail: Option<String>,
}

impl From<FixityRun> for FixityRunView {
    fn from(run: FixityRun) -> Self {
        Self {
            result: run.ended_at.is_some().then(|| run.outcome()),
            id: run.id,
            kind: run.kind,
            asked_by: run.asked_by,
            from: run.started_at,
            to: run.ended_at,
            checked: run.checked,
            bytes: run.bytes,
            share: run.share.map(of_millionths),
            missing: run.missing,
            changed: run.changed,
            untracked: run.untracked,
            not_checked: run.not_checked,
            detail: run.detail,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most one million")]
fn of_millionths(share: i64) -> f64 {
    share as f64 / 1e6
}

/// Returns a share from 0 to 1 in millionths, at least one unless it is 0.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "at most one million")]
pub fn millionths(share: f64) -> i64 {
    (share * 1e6).ceil() as i64
}
