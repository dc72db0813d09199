//! Archiving by hand: what is missing is told exactly; who is entitled may accept missing photos, with a reason that
//! becomes part of the record.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::missing::{Lacking, PhotoShortfall};
use crate::{
    app::App,
    audit::{self, Entry},
    clock::Timestamp,
    db::{DbError, Tx, sql},
    definition::{Body, Definition, NodeKind},
    dispatch,
    flow::{
        Flow, FlowState,
        event::{self, Happened},
        people,
    },
    id::FlowId,
    job::{self, JobKind},
    photo::Photo,
    seal_use::{Grant, SealUse},
    user::User,
};

/// Why a flow is not archived.
#[derive(Debug, thiserror::Error)]
pub enum ByHandError {
    #[error("the flow is not there")]
    NotFound,
    #[error("the flow is {0}: nothing can be done with it any more")]
    NotRunning(FlowState),
    #[error("{0}")]
    NotReady(&'static str),
    #[error("{0}")]
    PhotosMissing(Lacking),
    #[error("{0}")]
    FieldRequired(Lacking),
    #[error("only an administrator may archive a flow with photos missing")]
    NotEntitled,
    #[error("say why the missing photos are accepted: it becomes part of the record")]
    NoReason,
    /// The job could not archive it.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Wish {
    /// Archive although photos are missing; for administrators.
    pub accept_missing: bool,
    /// Why; needed with `acceptMissing`.
    pub reason: Option<String>,
}

/// Missing photos that somebody accepted, as the record keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    pub by: String,
    pub at: Timestamp,
    pub reason: String,
    pub missing: Vec<PhotoShortfall>,
}

impl Accepted {
    pub async fn of_flow(tx: &mut Tx, flow: &FlowId) -> Result<Option<Self>, DbError> {
        let text: Option<String> =
            sql("SELECT missing_accepted FROM flows WHERE id = $1").bind(flow).scalar(tx).await?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| DbError::Decode(error.into()))
    }
}

/// Checks, writes who wants it and why, and wakes the job that archives. Its entry in the audit log is the last thing
/// that it writes: commit next.
pub async fn ask(tx: &mut Tx, id: &FlowId, user: &User, wish: &Wish, now: Timestamp) -> Result<(), ByHandError> {
    let reason = wish.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    if wish.accept_missing && !user.is_admin() {
        return Err(ByHandError::NotEntitled);
    }
    if wish.accept_missing && reason.is_none() {
        return Err(ByHandError::NoReason);
    }
    let flow = Flow::lock(tx, id).await?.ok_or(ByHandError::NotFound)?;
    if flow.state != FlowState::Running {
        return Err(ByHandError::NotRunning(flow.state));
    }
    let body = Definition::version(&mut *tx, &flow.definition_id, flow.version).await?.body;
    let at_the_end = stands_at_the_end(tx, &flow, &body).await?;
    let lacking = Lacking::of(tx, id, &body).await?;
    refuse(tx, &flow, &lacking, wish.accept_missing, at_the_end).await?;
    if at_the_end == End::LastNode {
        flow.move_to(tx, None, now).await?;
        if flow.node.as_deref().is_some_and(|node| dispatch::sends_after(&body, node)) {
            dispatch::stamped(tx, id, &body, now).await?;
        }
    }
    let happened = Happened { actor: &user.username, act: "archive_asked", node: flow.node.as_deref(), detail: reason };
    event::record(tx, id, happened, now).await?;
    people::acted(tx, id, &user.username).await?;
    if let (true, Some(reason)) = (wish.accept_missing && !lacking.photos.is_empty(), reason) {
        accept(tx, &flow, user, reason, lacking.photos, now).await?;
    }
    job::wake(tx, JobKind::Archive, id.as_str(), now, now).await?;
    let act = if wish.accept_missing { "missing_accepted" } else { "archive_asked" };
    let entry = Entry { username: &user.username, act, subject: id.as_str(), flow: Some(id), detail: reason };
    audit::record(tx, entry, now).await?;
    Ok(())
}

/// Where a flow stands that may be archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Past,
    /// At its last node, a seal node whose uses have all ended: it would go on if nothing were missing.
    LastNode,
}

async fn stands_at_the_end(tx: &mut Tx, flow: &Flow, body: &Body) -> Result<End, ByHandError> {
    let Some(node) = flow.node.as_deref().and_then(|key| body.node(key)) else {
        return Ok(End::Past);
    };
    if body.node_after(&node.key).is_some() || node.kind != NodeKind::Seal || body.enabled_integration().is_none() {
        return Err(ByHandError::NotReady("the flow has not reached its end: nodes are still open"));
    }
    let seal_uses: Vec<SealUse> =
        SealUse::of_flow(tx, &flow.id).await?.into_iter().filter(|seal_use| !seal_use.superseded).collect();
    if seal_uses.is_empty() || !seal_uses.iter().all(|seal_use| seal_use.status.ended()) {
        return Err(ByHandError::NotReady("seals are still in use: end the use first"));
    }
    Ok(End::LastNode)
}

async fn refuse(tx: &mut Tx, flow: &Flow, lacking: &Lacking, accept: bool, end: End) -> Result<(), ByHandError> {
    if !lacking.photos.is_empty() && !accept {
        return Err(ByHandError::PhotosMissing(lacking.clone()));
    }
    if !lacking.fields.is_empty() {
        return Err(ByHandError::FieldRequired(lacking.clone()));
    }
    if accept {
        return Ok(());
    }
    for seal_use in SealUse::of_flow(&mut *tx, &flow.id).await? {
        if Photo::unsettled(&mut *tx, &seal_use.id).await? {
            return Err(ByHandError::NotReady("photos are still being fetched: come again in a moment"));
        }
        let used: i64 = Grant::of_seal_use(&mut *tx, &seal_use.id).await?.iter().map(|grant| grant.used).sum();
        if used == 0 && end == End::LastNode && Photo::of_seal_use(&mut *tx, &seal_use.id).await?.is_empty() {
            return Err(ByHandError::NotReady("no stamping was made: an administrator may accept that, with a reason"));
        }
    }
    Ok(())
}

async fn accept(
    tx: &mut Tx,
    flow: &Flow,
    user: &User,
    reason: &str,
    missing: Vec<PhotoShortfall>,
    now: Timestamp,
) -> Result<(), DbError> {
    let accepted = Accepted { by: user.username.clone(), at: now, reason: reason.to_owned(), missing };
    let text = serde_json::to_string(&accepted).map_err(|error| DbError::Encode(error.into()))?;
    sql("UPDATE flows SET missing_accepted = $1 WHERE id = $2").bind(text).bind(&flow.id).execute(&mut *tx).await?;
    let happened =
        Happened { actor: &user.username, act: "missing_accepted", node: flow.node.as_deref(), detail: Some(reason) };
    event::record(tx, &flow.id, happened, now).await
}

const LOOK: Duration = Duration::from_millis(50);

/// Waits for the job, at most `patience`: whether the flow is archived.
pub async fn wait(app: &Arc<App>, id: &FlowId, patience: Duration) -> Result<bool, ByHandError> {
    let waited = tokio::time::timeout(patience, async {
        loop {
            let flow = Flow::find(&app.db, id).await?.ok_or(ByHandError::NotFound)?;
            if flow.state == FlowState::Archived {
                return Ok(());
            }
            let parked: Option<(Option<String>,)> =
                sql("SELECT error FROM jobs WHERE kind = 'archive' AND subject = $1 AND state = 'parked'")
                    .bind(id)
                    .optional(&app.db)
                    .await?;
            if let Some((reason,)) = parked {
                return Err(ByHandError::Refused(reason.unwrap_or_default()));
            }
            tokio::time::sleep(LOOK).await;
        }
    });
    match waited.await {
        Ok(ended) => ended.map(|()| true),
        Err(_) => Ok(false),
    }
}
