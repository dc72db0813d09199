//! The row of an ingest: one per seal use. Every trigger opens it again.

use std::collections::HashMap;

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{Db, DbError, On, Tx, filter::Filtered, pieces, placeholders, rows, sql},
    id::{FlowId, IngestId, SealUseId},
    queue::{self, JobKind, Patience, Waits},
    vocabulary::words,
};

words! {
    /// Why the ingest looks for the photos of a seal use.
    Trigger {
        Callback = "callback",
        /// A user pressed collect or retry.
        Button = "button",
        Finish = "finish",
        Push = "push",
        /// The schedule of checks after the end of use.
        Recheck = "recheck",
        /// The slow poll of an open seal use.
        Poll = "poll",
        Replay = "replay",
        /// A user supplied a photo.
        Supply = "supply",
    }
}

words! {
    IngestState {
        Queued = "queued",
        Running = "running",
        /// Photos are missing or failed. The ingest continues without a user.
        Waiting = "waiting",
        /// Every known photo is stored.
        Done = "done",
        /// A photo is parked. Only a user can start it again.
        Failed = "failed",
    }
}

#[derive(Clone, Debug, FromRow)]
pub struct Ingest {
    pub id: IngestId,
    pub seal_use_id: SealUseId,
    #[sqlx(try_from = "String")]
    pub cause: Trigger,
    #[sqlx(try_from = "String")]
    pub state: IngestState,
    /// Photos whose bytes were already stored.
    pub duplicates: i64,
    /// Bytes received.
    pub bytes: i64,
    pub next_at: Option<Timestamp>,
    pub error: Option<String>,
    pub zip_at: Option<Timestamp>,
    /// The end of the last reading of the zip that was not needed for a missing photo, successful or not.
    pub zip_tried_at: Option<Timestamp>,
    /// The last wake by an event or a user.
    pub woken_at: Timestamp,
}

/// Wakes the ingest of a seal use, in the transaction of the event that makes it necessary. If the ingest is running,
/// it makes one more pass.
pub async fn wake(
    tx: &mut Tx,
    seal_use: &SealUseId,
    cause: Trigger,
    at: Timestamp,
    now: Timestamp,
) -> Result<IngestId, DbError> {
    let woken = wake_all(tx, &[(seal_use, cause)], Waits::ForRuns, at, now).await?;
    woken.into_iter().next().ok_or(DbError::RowNotFound)
}

/// As [`wake`], for many seal uses in id order. Callbacks come in bursts, so they let the ingest rest between passes.
pub async fn wake_all(
    tx: &mut Tx,
    wakes: &[(&SealUseId, Trigger)],
    waits: Waits,
    at: Timestamp,
    now: Timestamp,
) -> Result<Vec<IngestId>, DbError> {
    let state = if at > now { IngestState::Waiting } else { IngestState::Queued };
    let patience = |cause| if cause == Trigger::Callback { Patience::Rest } else { Patience::None };
    let jobs: Vec<_> = wakes.iter().map(|(id, cause)| (id.as_str(), patience(*cause))).collect();
    // Lock the rows of the jobs first: a run holds its job while it writes its ingest.
    queue::wake_all(tx, JobKind::Ingest, &jobs, waits, at, now).await?;
    let mut woken = Vec::with_capacity(wakes.len());
    for piece in pieces(wakes) {
        let statement = format!(
            "INSERT INTO ingests (id, seal_use_id, cause, state, next_at, created_at, updated_at, woken_at) VALUES {}
             ON CONFLICT (seal_use_id) DO UPDATE SET cause = excluded.cause, updated_at = excluded.updated_at,
               woken_at = excluded.woken_at, next_at = excluded.next_at,
               state = CASE WHEN ingests.state = 'running' THEN 'running' ELSE excluded.state END
             RETURNING id",
            rows(8, piece.len())
        );
        let bound = piece.iter().fold(sql(statement), |statement, (seal_use, cause)| {
            let statement = statement.bind(&IngestId::new()).bind(*seal_use).bind(*cause).bind(state).bind(at);
            statement.bind(now).bind(now).bind(now)
        });
        woken.extend(bound.scalars::<IngestId>(&mut *tx).await?);
    }
    Ok(woken)
}

impl Ingest {
    pub async fn find(on: impl Into<On<'_>>, id: &IngestId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM ingests WHERE id = $1").bind(id).optional(on).await
    }

    pub async fn of_seal_use(on: impl Into<On<'_>>, seal_use: &SealUseId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM ingests WHERE seal_use_id = $1").bind(seal_use).optional(on).await
    }

    /// Returns the ingests of seal uses.
    pub async fn of_seal_uses(db: &Db, seal_uses: &[&SealUseId]) -> Result<HashMap<SealUseId, IngestId>, DbError> {
        let mut found = HashMap::new();
        for piece in pieces(seal_uses) {
            let list = placeholders(1, piece.len());
            let rows: Vec<(SealUseId, IngestId)> =
                sql(format!("SELECT seal_use_id, id FROM ingests WHERE seal_use_id IN {list}"))
                    .bind_all(piece.iter().copied())
                    .all(db)
                    .await?;
            found.extend(rows);
        }
        Ok(found)
    }

    /// Returns ingests before `after`, newest first.
    pub async fn list(
        db: &Db,
        state: Option<IngestState>,
        flow: Option<&FlowId>,
        after: Option<&IngestId>,
        limit: i64,
    ) -> Result<Vec<Self>, DbError> {
        // A flow has few ingests. Without this expression SQLite would read all ingests in this state.
        let in_state = if flow.is_some() { "state || '' =" } else { "state =" };
        let mut list = Filtered::new("SELECT * FROM ingests").and(in_state, state.map(IngestState::as_str));
        if let Some(flow) = flow {
            let flow = list.arg(flow);
            list = list.when(&format!("seal_use_id IN (SELECT id FROM seal_uses WHERE flow_id = {flow})"));
        }
        list.and("id <", after).newest_first("id", limit).all(db).await
    }

    pub async fn set_running(tx: &mut Tx, seal_use: &SealUseId, now: Timestamp) -> Result<(), DbError> {
        sql("UPDATE ingests SET state = 'running', updated_at = $1 WHERE seal_use_id = $2")
            .bind(now)
            .bind(seal_use)
            .execute(tx)
            .await?;
        Ok(())
    }

    pub async fn add(tx: &mut Tx, seal_use: &SealUseId, duplicates: i64, bytes: i64) -> Result<(), DbError> {
        sql("UPDATE ingests SET duplicates = duplicates + $1, bytes = bytes + $2 WHERE seal_use_id = $3")
            .bind(duplicates)
            .bind(bytes)
            .bind(seal_use)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Records when the zip was read. `None`: never.
    pub async fn zip_read(tx: &mut Tx, seal_use: &SealUseId, at: Option<Timestamp>) -> Result<(), DbError> {
        sql("UPDATE ingests SET zip_at = $1 WHERE seal_use_id = $2").bind(at).bind(seal_use).execute(tx).await?;
        Ok(())
    }

    /// Records when a reading of the zip ended that was not needed for a missing photo.
    pub async fn zip_tried(tx: &mut Tx, seal_use: &SealUseId, at: Timestamp) -> Result<(), DbError> {
        sql("UPDATE ingests SET zip_tried_at = $1 WHERE seal_use_id = $2").bind(at).bind(seal_use).execute(tx).await?;
        Ok(())
    }

    /// Writes what a pass could not do after it was concluded.
    pub async fn set_error(
        tx: &mut Tx,
        seal_use: &SealUseId,
        error: Option<String>,
        now: Timestamp,
    ) -> Result<(), DbError> {
        sql("UPDATE ingests SET error = $1, updated_at = $2 WHERE seal_use_id = $3")
            .bind(error)
            .bind(now)
            .bind(seal_use)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Writes the result of a pass.
    pub async fn conclude(
        tx: &mut Tx,
        seal_use: &SealUseId,
        state: IngestState,
        next_at: Option<Timestamp>,
        error: Option<String>,
        now: Timestamp,
    ) -> Result<(), DbError> {
        sql("UPDATE ingests SET state = $1, next_at = $2, error = $3, updated_at = $4, passes = passes + 1 WHERE seal_use_id = $5")
            .bind(state)
            .bind(next_at)
            .bind(error)
            .bind(now)
            .bind(seal_use)
            .execute(tx)
            .await?;
        Ok(())
    }
}
