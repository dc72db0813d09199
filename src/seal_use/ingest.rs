//! The record of an ingest: one per seal use, reopened by every trigger.

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
    /// Why a seal use's photos are looked for.
    Trigger {
        Callback = "callback",
        /// A person pressed collect or retry.
        Button = "button",
        Finish = "finish",
        Push = "push",
        /// The schedule after the end.
        Recheck = "recheck",
        /// The slow look at an open seal use.
        Poll = "poll",
        Replay = "replay",
        /// A person supplied a photo.
        Supply = "supply",
    }
}

words! {
    IngestState {
        Queued = "queued",
        Running = "running",
        /// Something is owed or failed; it goes on by itself.
        Waiting = "waiting",
        /// All that is known to exist is here.
        Done = "done",
        /// Something is parked: only a person runs that again.
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
    /// Photos whose bytes were known already.
    pub duplicates: i64,
    /// Bytes received.
    pub bytes: i64,
    pub next_at: Option<Timestamp>,
    pub error: Option<String>,
    pub zip_at: Option<Timestamp>,
    /// The last wake from outside.
    pub woken_at: Timestamp,
}

/// Wakes a seal use's one ingest, in the transaction of the fact that makes it necessary. While it runs, this causes
/// one more pass.
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

/// The same for many seal uses, which must be in order. Callbacks come in storms: then a pass rests before the next.
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
    // The jobs' rows first: a run holds its own while it writes the ingest's.
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

    /// The ingests of seal uses.
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

    /// Newest first, those before `after`.
    pub async fn list(
        db: &Db,
        state: Option<IngestState>,
        flow: Option<&FlowId>,
        after: Option<&IngestId>,
        limit: i64,
    ) -> Result<Vec<Self>, DbError> {
        // A flow has a few: of its own, SQLite would look through all that are in this state.
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

    pub async fn zip_read(tx: &mut Tx, seal_use: &SealUseId, now: Timestamp) -> Result<(), DbError> {
        sql("UPDATE ingests SET zip_at = $1 WHERE seal_use_id = $2").bind(now).bind(seal_use).execute(tx).await?;
        Ok(())
    }

    /// How a pass ended.
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
