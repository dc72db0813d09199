//! Ends a pass: takes the counts, settles the flow if all photos are here, schedules the next pass.

use super::{IngestError, link, pass::Pass};
use crate::seal_use::ingest::{Ingest, IngestState};
use crate::{
    app::{App, ChangeNotice, ChangeSubject},
    callback::record::Record,
    clock::Timestamp,
    db::{DbError, Tx},
    flow::settle,
    id::SealUseId,
    photo::{Photo, PhotoState},
    queue::{Lease, Next},
    seal_use::{Counts, PhotoCounts, SealUse, delivery::Dispatch},
    telemetry::OutcomeLabels,
};

#[derive(Debug)]
pub(super) enum Outcome {
    /// All that is due was processed. The text says why a part failed, if one did.
    Done(Option<String>),
    /// The vendor does not have the seal use yet.
    NotApplied,
    /// Other jobs run first.
    TurnOver,
}

pub(super) async fn conclude(pass: &Pass, outcome: Outcome) -> Result<Next, IngestError> {
    let now = pass.app.clock.now();
    let note = match outcome {
        Outcome::TurnOver => return Ok(Next::At { at: now, failed: None }),
        Outcome::NotApplied => None,
        Outcome::Done(note) => note,
    };
    let mut tx = pass.lease.begin(pass.db()).await?;
    let seal_use = SealUse::find(&mut tx, pass.id()).await?.ok_or(IngestError::NoSealUse)?;
    let sum = PhotoCounts::of(&mut tx, pass.id()).await?.sum;
    let photos = Photo::of_seal_use(&mut tx, pass.id()).await?;
    let state = state_of(&photos, &sum);
    let next = next_pass(pass, &seal_use, &photos, &sum, now);
    settle_callbacks(&mut tx, pass).await?;
    link::close_gaps(&mut tx, pass).await?;
    settle::settle(&mut tx, &pass.flow.id, now).await?;
    let unknown = Dispatch::any_unknown(&mut tx, pass.id()).await?;
    // Last in the lock order: callbacks write this row, too.
    Ingest::conclude(&mut tx, pass.id(), state, next, note, now).await?;
    tx.commit().await?;
    // In a separate transaction: the one above holds the flow, and the job `send` locks its own row before these. If
    // this one fails, the next pass does its work.
    if unknown && let Err(error) = mark_listed_deliveries(pass, now).await {
        tracing::warn!(%error, seal_use = %pass.id(), "cannot mark the supplied photos that the vendor lists; the next pass does it");
    }
    pass.app.metrics.ingests_finished.get_or_create(&OutcomeLabels { outcome: state.as_str() }).inc();
    let counted = || photos.iter().filter(|photo| photo.counts());
    let received = counted().filter(|photo| photo.original_hash.is_some()).count();
    pass.notify(state.as_str(), received, counted().count());
    Ok(next.map_or(Next::Idle, |at| Next::At { at, failed: None }))
}

/// Records what the zip brought after the flow was settled. It supplements a flow that has ended.
pub(super) async fn conclude_later(pass: &Pass, note: Option<String>) -> Result<(), IngestError> {
    let now = pass.app.clock.now();
    let mut tx = pass.lease.begin(pass.db()).await?;
    link::close_gaps(&mut tx, pass).await?;
    settle::settle(&mut tx, &pass.flow.id, now).await?;
    Ingest::set_error(&mut tx, pass.id(), note, now).await?;
    tx.commit().await?;
    pass.notify_listeners("done").await;
    Ok(())
}

async fn mark_listed_deliveries(pass: &Pass, now: Timestamp) -> Result<(), DbError> {
    let mut tx = pass.db().begin().await?;
    Dispatch::mark_listed(&mut tx, pass.id(), now).await?;
    tx.commit().await
}

fn state_of(photos: &[Photo], sum: &Counts) -> IngestState {
    if photos.iter().any(|photo| photo.state == PhotoState::Failed) {
        IngestState::Failed
    } else if sum.missing > 0 || photos.iter().any(|photo| photo.state != PhotoState::Done) {
        IngestState::Waiting
    } else {
        IngestState::Done
    }
}

/// Returns the earliest of: the next try of a photo, the next recheck after the end, the slow poll of an open seal
/// use.
fn next_pass(pass: &Pass, seal_use: &SealUse, photos: &[Photo], sum: &Counts, now: Timestamp) -> Option<Timestamp> {
    let config = &pass.app.config.ingest;
    let retry =
        photos.iter().filter(|photo| photo.state == PhotoState::Waiting).filter_map(|p| p.next_attempt_at).min();
    let next_check = match seal_use.ended_at {
        Some(ended) => {
            let planned = config.rechecks.iter().map(|after| ended.plus(after.get())).find(|at| *at > now);
            planned.or_else(|| (sum.missing > 0).then(|| now.plus(DAILY)))
        }
        None => Some(now.plus(config.poll_open.get())),
    };
    retry.into_iter().chain(next_check).min()
}

/// After the planned rechecks: daily while photos are missing, for archived flows too.
const DAILY: std::time::Duration = std::time::Duration::from_hours(24);

async fn settle_callbacks(tx: &mut Tx, pass: &Pass) -> Result<(), DbError> {
    let plain = pass.callbacks.iter().filter(|callback| callback.images == 0);
    Record::mark_done(tx, &plain.map(|callback| &callback.id).collect::<Vec<_>>()).await
}

/// Handles a pass that stopped before its end: retries while a retry can help, else parks the job with the reason.
pub(super) async fn interrupted(
    app: &App,
    lease: &Lease,
    id: &SealUseId,
    error: &IngestError,
) -> Result<Next, IngestError> {
    let now = app.clock.now();
    let waits = &app.config.jobs.retries;
    let mut next = match error.outage() {
        Some(_) => Lease::blocked(now, error.to_string()),
        None => lease.retry(waits, now, error.to_string()),
    };
    if let (true, Next::Park { reason }, Some(last)) = (error.is_transient(), &next, waits.last()) {
        // No limit of attempts: after a week of downtime at the vendor, its photos are still fetched.
        next = Next::At { at: now.plus(last.get()), failed: Some(reason.clone()) };
    }
    let (state, at) = match &next {
        Next::At { at, .. } | Next::Blocked { at, .. } => (IngestState::Waiting, Some(*at)),
        _ => (IngestState::Failed, None),
    };
    tracing::warn!(seal_use = %id, %error, state = state.as_str(), "ingest interrupted");
    let mut tx = lease.begin(&app.db).await?;
    Ingest::conclude(&mut tx, id, state, at, Some(error.to_string()), now).await?;
    tx.commit().await?;
    Ok(next)
}

impl Pass {
    /// Tells the open pages the progress of this seal use.
    pub(super) async fn notify_listeners(&self, state: &str) {
        if self.app.has_no_listeners() {
            return;
        }
        let counted = crate::db::sql(
            "SELECT COUNT(*), COUNT(original_hash) FROM photos WHERE seal_use_id = $1 AND confirmation <> 'unconfirmed'",
        )
            .bind(self.id())
            .one::<(i64, i64)>(self.db())
            .await;
        let Ok((expected, received)) = counted else { return };
        self.notify(state, received, expected);
    }

    fn notify<N: TryInto<i64>>(&self, state: &str, received: N, expected: N) {
        let number = |count: N| count.try_into().unwrap_or(i64::MAX);
        self.app.notify_listeners(ChangeNotice {
            about: ChangeSubject::Ingest,
            id: self.ingest.id.to_string(),
            flow_id: self.flow.id.to_string(),
            state: state.to_owned(),
            received: number(received),
            expected: number(expected),
        });
    }
}
