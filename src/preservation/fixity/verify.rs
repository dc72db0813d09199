//! One whole check, for the command line.

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{DamagedOriginal, FixityResult, GROUP, NotChecked, check_group, drawn, end_run, pace::Pace};
use crate::{
    clock::{Clock, Timestamp},
    db::{Db, DbError},
    id::{FlowId, FolderId},
    original::{Original, checking::Chosen},
    preservation::{
        orphans::{Found, SweepError},
        runs::{FixityRun, RunKind, millionths},
        untracked,
    },
    store::{Store, StoreError},
};

/// What a run checks.
#[derive(Clone, Debug)]
pub enum FixityScope {
    /// Every original, and the objects without a row.
    All,
    /// A share of the originals, from 0 to 1, drawn by chance.
    Sample(f64),
    /// The originals of one flow.
    Flow(FlowId),
    /// The originals of a folder and the folders below it.
    Folder(FolderId),
}

impl FixityScope {
    /// Returns a run of this scope that has not started.
    #[must_use]
    pub fn run(&self, by: &str, now: Timestamp) -> FixityRun {
        let run = |kind| FixityRun::new(kind, by, now);
        match self {
            Self::All => run(RunKind::All),
            Self::Sample(share) => FixityRun { share: Some(millionths(*share)), ..run(RunKind::Sample) },
            Self::Flow(flow) => FixityRun { flow_id: Some(flow.clone()), ..run(RunKind::Flow) },
            Self::Folder(folder) => FixityRun { folder_id: Some(folder.clone()), ..run(RunKind::Folder) },
        }
    }
}

impl FixityRun {
    /// Returns which originals the run chooses.
    #[must_use]
    pub fn chosen(&self) -> Chosen {
        match (self.kind, &self.flow_id, &self.folder_id) {
            (RunKind::Flow, Some(flow), _) => Chosen::Flow(flow.clone()),
            (RunKind::Folder, _, Some(folder)) => Chosen::Folder(folder.clone()),
            (RunKind::Sample, _, _) => drawn(self.id.as_str(), self.share.unwrap_or(1_000_000)),
            _ => Chosen::All,
        }
    }

    /// Returns the next originals to look at. Empty: the run has looked at all.
    pub async fn next_group(&self, db: &Db) -> Result<Vec<Original>, DbError> {
        let (started, looked_at) = (self.started_at.unwrap_or(self.asked_at), self.checked + self.not_checked);
        let limit = self.target.map_or(GROUP, |target| GROUP.min(target - looked_at));
        if self.kind == RunKind::Scheduled {
            // What was found may be right again.
            let found = Original::unchecked(db, &Chosen::Found, started, limit).await?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let chosen = self.chosen();
        let group = Original::unchecked(db, &chosen, started, limit).await?;
        match chosen {
            // A sample of a store that is not empty has one original at least.
            Chosen::Range { from, .. } if group.is_empty() && looked_at == 0 => {
                Ok(Original::nearest(db, &from).await?.into_iter().collect())
            }
            _ => Ok(group),
        }
    }

    /// Returns the time that the originals of a group are marked with. It is after the start, so no group comes twice.
    #[must_use]
    pub fn marks(&self, now: Timestamp) -> Timestamp {
        now.max(Timestamp(self.started_at.unwrap_or(now).0 + 1))
    }

    /// Returns true if the run also looks for objects without a row.
    #[must_use]
    pub const fn looks_for_strays(&self) -> bool {
        matches!(self.kind, RunKind::All | RunKind::Scheduled)
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FixityReport {
    pub result: FixityResult,
    pub from: Timestamp,
    pub to: Timestamp,
    /// Originals that were read whole, or are missing.
    pub checked: i64,
    pub bytes: i64,
    pub damaged: Vec<DamagedOriginal>,
    pub could_not_check: Vec<NotChecked>,
    /// Objects without a row. Empty unless everything was checked.
    pub untracked: Vec<Found>,
}

/// Why a check stopped before its end.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error("the check was interrupted")]
    Interrupted,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sweep(#[from] SweepError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A check and where it looks.
#[derive(Debug)]
pub struct Verifier<'a> {
    pub store: &'a Store,
    pub db: &'a Db,
    pub clock: &'a Clock,
    /// The user in the audit log.
    pub by: &'a str,
    /// A younger object may have no row yet.
    pub untracked_before: Timestamp,
    /// Ends the check early. What was found is recorded.
    pub stop: CancellationToken,
}

impl Verifier<'_> {
    /// Checks the originals of a scope. `seen` hears of each original that was looked at. The audit log has an entry for each
    /// finding as it is found, and for the run, also if the run could not go on.
    pub async fn verify(&self, scope: &FixityScope, seen: impl FnMut()) -> Result<FixityReport, DbError> {
        let now = self.clock.now();
        let mut run = FixityRun { started_at: Some(now), ..scope.run(self.by, now) };
        let mut report = FixityReport {
            result: FixityResult::Good,
            from: now,
            to: now,
            checked: 0,
            bytes: 0,
            damaged: Vec::new(),
            could_not_check: Vec::new(),
            untracked: Vec::new(),
        };
        if let Err(why) = self.look(&mut run, &mut report, seen).await {
            run.detail = Some(why.to_string());
            report.could_not_check.push(NotChecked { key: String::new(), why: why.to_string() });
        }
        report.damaged.sort_by(|one, other| one.key.cmp(&other.key));
        (report.result, report.to) = (run.outcome(), self.clock.now());
        (report.checked, report.bytes) = (run.checked, run.bytes);
        end_run(self.db.begin().await?, &mut run, true, report.to).await?;
        Ok(report)
    }

    async fn look(
        &self,
        run: &mut FixityRun,
        report: &mut FixityReport,
        mut seen: impl FnMut(),
    ) -> Result<(), Stopped> {
        // A missing bucket must not look like missing objects.
        self.store.check().await?;
        let pace = Pace::default();
        loop {
            let group = run.next_group(self.db).await?;
            if group.is_empty() {
                break;
            }
            let checked = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Stopped::Interrupted),
                checked = check_group(self.store, &pace, group, &mut seen) => checked,
            };
            let checked = checked.without_gone(self.db).await?;
            if checked.doubts_the_store() {
                self.store.check().await?;
            }
            let mut tx = self.db.begin().await?;
            checked.record(&mut tx, run.marks(self.clock.now()), self.by).await?;
            tx.commit().await?;
            run.add(&checked.tally());
            report.damaged.extend(checked.damaged);
            report.could_not_check.extend(checked.not_checked.into_iter().map(|(_, not)| not));
        }
        if run.looks_for_strays() {
            let strays = untracked::look(self.store, self.db, self.untracked_before).await?;
            untracked::record(self.db, &strays, self.by, self.clock.now()).await?;
            run.untracked = i64::try_from(strays.len()).unwrap_or(i64::MAX);
            report.untracked = strays;
        }
        Ok(())
    }
}
