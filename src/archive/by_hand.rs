//! Archiving by hand: what is missing is told exactly; who is entitled may accept missing photos, with a reason that
//! becomes part of the record.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::missing::{Lacking, PhotoShortfall};
use crate::{
    app::App,
    audit::Act,
    clock::Timestamp,
    db::{DbError, Tx, sql},
    definition::{Body, Definition, NodeKind},
    flow::{
        Flow, FlowState,
        actions::{Action, Refusal},
        event::{self, EventKind, NewEvent},
        people, view,
    },
    id::FlowId,
    queue::{self, JobKind},
    seal_use::{PhotoCounts, SealUse, delivery},
    user::{Acting, User},
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
    #[error(transparent)]
    Rule(#[from] Refusal),
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

impl Wish {
    fn reason(&self) -> Option<&str> {
        self.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty())
    }
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

/// Checks, writes who wants it and why, and wakes the job that archives. Tells exactly what is missing before it says
/// that the rules refuse.
pub async fn ask(acting: Acting<'_>, id: &FlowId, wish: &Wish) -> Result<(), ByHandError> {
    let Acting { db, user, now } = acting;
    let view = view::view(db, id, user).await?.ok_or(ByHandError::NotFound)?;
    let refused = view.check(Action::Archive).err();
    if let Some(refusal @ Refusal::NotYours(_)) = refused {
        return Err(refusal.into());
    }
    let mut tx = db.begin().await?;
    let act = prepare(&mut tx, id, user, wish, now).await?;
    if let Some(refusal) = refused {
        return Err(refusal.into());
    }
    let reason = wish.reason();
    Ok(acting.commit_to_flow(tx, act, id, reason).await?)
}

/// All of it but the entry in the audit log; which act that is.
async fn prepare(tx: &mut Tx, id: &FlowId, user: &User, wish: &Wish, now: Timestamp) -> Result<Act, ByHandError> {
    let reason = wish.reason();
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
        if flow.node.as_deref().is_some_and(|node| delivery::sends_after(&body, node)) {
            delivery::stamped(tx, id, &body, now).await?;
        }
    }
    let happened =
        NewEvent { actor: &user.username, act: EventKind::ArchiveAsked, node: flow.node.as_deref(), detail: reason };
    event::record(tx, id, happened, now).await?;
    people::acted(tx, id, &user.username).await?;
    if let (true, Some(reason)) = (wish.accept_missing && !lacking.photos.is_empty(), reason) {
        accept(tx, &flow, user, reason, lacking.photos, now).await?;
    }
    queue::wake(tx, JobKind::Archive, id.as_str(), now, now).await?;
    Ok(if wish.accept_missing { Act::MissingAccepted } else { Act::ArchiveAsked })
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
        let photos = PhotoCounts::of(tx, &seal_use.id).await?;
        if photos.unsettled {
            return Err(ByHandError::NotReady("photos are still being fetched: come again in a moment"));
        }
        if !photos.stamped() && end == End::LastNode {
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
    let happened = NewEvent {
        actor: &user.username,
        act: EventKind::MissingAccepted,
        node: flow.node.as_deref(),
        detail: Some(reason),
    };
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
