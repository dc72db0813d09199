//! The events of a flow: its changes, each with actor and time.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    db::{DbError, On, Tx, sql},
    id::{EventId, FlowId},
    vocabulary::words,
};

/// The actor of events that no user caused.
pub const YINKU: &str = "yinku";

words! {
    /// What happened to a flow.
    EventKind {
        Drafted = "drafted",
        Submitted = "submitted",
        Approved = "approved",
        Rejected = "rejected",
        Withdrawn = "withdrawn",
        Transferred = "transferred",
        Edited = "edited",
        Commented = "commented",
        Completed = "completed",
        Applied = "applied",
        ApplicationUnknown = "application_unknown",
        ApplicationFailed = "application_failed",
        Appended = "appended",
        AppendUnclear = "append_unclear",
        WindowChanged = "window_changed",
        WindowUnclear = "window_unclear",
        Finished = "finished",
        UseEnded = "use_ended",
        Resolved = "resolved",
        Uploaded = "uploaded",
        FileRemoved = "file_removed",
        /// The user who removed a file took the removal back.
        FileRestored = "file_restored",
        PhotoSupplied = "photo_supplied",
        PhotoAccepted = "photo_accepted",
        ArchiveAsked = "archive_asked",
        MissingAccepted = "missing_accepted",
        Archived = "archived",
        /// A withdrawn flow with photos got its manifest.
        Recorded = "recorded",
        Supplemented = "supplemented",
        ArchiveFailed = "archive_failed",
    }
}

#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct Event {
    pub id: EventId,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// A username, or `yinku` for an event that no user caused.
    pub actor: String,
    #[sqlx(try_from = "String")]
    pub act: EventKind,
    pub node: Option<String>,
    /// The node that received the flow back (a key or `start`), or the username that received a turn.
    pub target: Option<String>,
    pub detail: Option<String>,
}

/// An event that is not written yet.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent<'a> {
    pub actor: &'a str,
    pub act: EventKind,
    pub node: Option<&'a str>,
    pub detail: Option<&'a str>,
}

pub async fn record(tx: &mut Tx, flow: &FlowId, what: NewEvent<'_>, now: Timestamp) -> Result<(), DbError> {
    write(tx, flow, what, None, now).await
}

/// Writes an event with a target: a node or a user.
pub async fn record_to(
    tx: &mut Tx,
    flow: &FlowId,
    what: NewEvent<'_>,
    target: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    write(tx, flow, what, Some(target), now).await
}

async fn write(
    tx: &mut Tx,
    flow: &FlowId,
    what: NewEvent<'_>,
    target: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    sql("INSERT INTO flow_events (id, flow_id, at, actor, act, node, detail, target)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(&EventId::new())
    .bind(flow)
    .bind(now)
    .bind(what.actor)
    .bind(what.act)
    .bind(what.node)
    .bind(what.detail)
    .bind(target)
    .execute(tx)
    .await?;
    Ok(())
}

/// Returns the users to whom a turn at `node` was transferred and who did not hand it on, in the order of the events.
pub(super) async fn receivers(tx: &mut Tx, flow: &FlowId, node: &str) -> Result<Vec<String>, DbError> {
    let transfers: Vec<(String, Option<String>)> = sql(
        "SELECT actor, target FROM flow_events WHERE flow_id = $1 AND act = 'transferred' AND node = $2 ORDER BY id",
    )
    .bind(flow)
    .bind(node)
    .all(tx)
    .await?;
    let mut receivers: Vec<String> = Vec::new();
    for (actor, target) in transfers {
        receivers.retain(|name| *name != actor && Some(name) != target.as_ref());
        receivers.extend(target);
    }
    Ok(receivers)
}

/// Returns the events in the order in which they happened.
pub async fn of_flow(on: impl Into<On<'_>>, flow: &FlowId) -> Result<Vec<Event>, DbError> {
    sql("SELECT id, at, actor, act, node, target, detail FROM flow_events WHERE flow_id = $1 ORDER BY id")
        .bind(flow)
        .all(on)
        .await
}
