//! Brings the photos of a flow in while a user waits: wakes the ingests, then waits for them.

use std::{sync::Arc, time::Duration};

use sqlx::FromRow;

use crate::{
    app::App,
    audit::Act,
    clock::Timestamp,
    db::{DbError, sql, with_same_patience},
    definition::Definition,
    flow::{
        actions::{Action, Refusal},
        view,
    },
    id::{FlowId, IngestId, SealUseId},
    photo::Photo,
    seal_use::{
        PhotoCounts, SealUse,
        ingest::{Ingest, IngestState, Trigger, wake},
    },
    user::Acting,
};

/// Why photos are not brought in.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error("the photos could not be fetched: {reason}. Use ?partial=true to get the photos that are here.")]
    Vendor { reason: String, retry_after: Duration },
    #[error("the photos are still being fetched. Retry in a moment.")]
    TooSlow,
    #[error("the definition has no download field. Set `downloadField` in its integration configuration.")]
    NoDownloadField,
    #[error("the flow has no seal use yet")]
    NoSealUse,
    #[error("the object does not exist, or you have no right to see it")]
    NotFound,
    #[error(transparent)]
    Rule(#[from] Refusal),
    #[error("the ingest could not be woken. Retry.")]
    Task(#[from] tokio::task::JoinError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Brings the photos of a flow into its download field now. Returns one ingest for each seal use.
pub async fn to_field(acting: Acting<'_>, flow: &FlowId) -> Result<Vec<IngestId>, CollectError> {
    let Acting { db, user, now } = acting;
    let view = view::view(db, flow, user).await?.ok_or(CollectError::NotFound)?;
    let body = Definition::version(db, &view.head.definition_id, view.head.version).await?.body;
    if body.integration.as_ref().is_none_or(|integration| integration.download_field.is_none()) {
        return Err(CollectError::NoDownloadField);
    }
    view.check(Action::Collect)?;
    let mut tx = db.begin().await?;
    let mut ingests = Vec::new();
    for seal_use in SealUse::of_flow(&mut tx, flow).await? {
        ingests.push(wake(&mut tx, &seal_use.id, Trigger::Button, now, now).await?);
    }
    if ingests.is_empty() {
        return Err(CollectError::NoSealUse);
    }
    acting.commit_to_flow(tx, Act::PhotosCollected, flow, None).await?;
    Ok(ingests)
}

/// Runs an ingest again, including its parked photos.
pub async fn retry(acting: Acting<'_>, ingest: &Ingest, flow: &FlowId) -> Result<(), DbError> {
    let Acting { db, now, .. } = acting;
    let mut tx = db.begin().await?;
    wake(&mut tx, &ingest.seal_use_id, Trigger::Button, now, now).await?;
    Photo::unpark(&mut tx, &ingest.seal_use_id).await?;
    acting.commit(tx, acting.entry(Act::IngestRetried, ingest.id.as_str()).of_flow(flow)).await
}

const LOOK: Duration = Duration::from_millis(50);

/// Asks the vendor about every seal use that may have more photos, and waits at most `patience`. After that time the
/// ingest continues without the caller.
pub async fn bring_in(app: &Arc<App>, flow: &FlowId, patience: Duration) -> Result<(), CollectError> {
    let mut due = Vec::new();
    for seal_use in SealUse::of_flow(&app.db, flow).await? {
        if seal_use.business_id.is_some() && may_have_more(app, &seal_use).await? {
            due.push(seal_use.id);
        }
    }
    if due.is_empty() {
        return Ok(());
    }
    // In a separate task: a disconnected caller must not cancel the transaction.
    tokio::spawn(with_same_patience(wake_all(Arc::clone(app), due.clone()))).await??;
    let waited = tokio::time::timeout(patience, async {
        for seal_use in &due {
            while pass_is_due(app, seal_use).await? {
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok::<_, DbError>(())
    });
    waited.await.map_err(|_| CollectError::TooSlow)??;
    for seal_use in &due {
        check_all_received(app, seal_use).await?;
    }
    Ok(())
}

/// Returns false only if the use has ended, nothing is missing and the last pass was complete.
async fn may_have_more(app: &App, seal_use: &SealUse) -> Result<bool, DbError> {
    let sum = PhotoCounts::read(&mut app.db.reader().await?, &seal_use.id).await?.sum;
    let ingest = Ingest::of_seal_use(&app.db, &seal_use.id).await?;
    let done = ingest.is_some_and(|ingest| ingest.state == IngestState::Done);
    Ok(!(done && seal_use.status.ended() && sum.missing == 0))
}

async fn wake_all(app: Arc<App>, seal_uses: Vec<SealUseId>) -> Result<(), DbError> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    for seal_use in &seal_uses {
        wake(&mut tx, seal_use, Trigger::Button, now, now).await?;
        Photo::unpark(&mut tx, seal_use).await?;
    }
    tx.commit().await?;
    Ok(())
}

#[derive(FromRow)]
struct Job {
    state: String,
    run_at: Timestamp,
    error: Option<String>,
}

async fn job(app: &App, seal_use: &SealUseId) -> Result<Option<Job>, DbError> {
    sql("SELECT state, run_at, error FROM jobs WHERE kind = 'ingest' AND subject = $1")
        .bind(seal_use)
        .optional(&app.db)
        .await
}

/// Returns true if a pass runs or is due. Then the wake has not taken effect yet.
async fn pass_is_due(app: &App, seal_use: &SealUseId) -> Result<bool, DbError> {
    let job = job(app, seal_use).await?;
    Ok(job.is_some_and(|job| job.state == "running" || (job.state == "queued" && job.run_at <= app.clock.now())))
}

/// Checks that the pass succeeded and that every photo that the vendor lists is stored.
async fn check_all_received(app: &App, seal_use: &SealUseId) -> Result<(), CollectError> {
    if let Some(Job { error: Some(reason), run_at, .. }) = job(app, seal_use).await? {
        return Err(CollectError::Vendor { reason, retry_after: run_at.since(app.clock.now()) });
    }
    let photos = Photo::of_seal_use(&app.db, seal_use).await?;
    let lost = photos.iter().find(|photo| photo.photokey.is_some() && photo.original_hash.is_none());
    let Some(lost) = lost else { return Ok(()) };
    let reason =
        lost.error_detail.clone().unwrap_or_else(|| "a photo that the vendor lists was not received".to_owned());
    let next = lost.next_attempt_at.unwrap_or(app.clock.now());
    Err(CollectError::Vendor { reason, retry_after: next.since(app.clock.now()) })
}
