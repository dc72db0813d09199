//! Archives a flow for a user. The response lists what is missing. An administrator can accept missing photos, with a
//! reason. The reason becomes part of the record.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::missing::{Lacking, PhotoShortfall};
use crate::{
    app::App,
    audit::Act,
    clock::Timestamp,
    db::{DbError, Tx, is_blank, sql},
    flow::{
        Flow, FlowState, LockedFlow,
        actions::{Action, Refusal},
        case::Case,
        event::{self, EventKind, NewEvent},
        people,
    },
    id::FlowId,
    photo::Photo,
    queue::{self, JobKind},
    seal_use::{PhotoCounts, SealUse, delivery},
    user::{Acting, User},
};

/// Why a flow is not archived.
#[derive(Debug, thiserror::Error)]
pub enum ByHandError {
    #[error("the flow does not exist")]
    NotFound,
    #[error("{0}")]
    NotReady(&'static str),
    #[error("{0}")]
    PhotosMissing(Lacking),
    #[error("{0}")]
    FieldRequired(Lacking),
    #[error("only an administrator can archive a flow with missing photos. Ask an administrator.")]
    NotEntitled,
    #[error("the reason is missing. Send `reason`: it becomes part of the record.")]
    NoReason,
    #[error(transparent)]
    Rule(#[from] Refusal),
    /// The job could not archive the flow.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The request.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Wish {
    /// Archive the flow although photos are missing. For administrators. If use ended without a stamp, also for the people
    /// of the seal node.
    pub accept_missing: bool,
    /// The reason. Required with `acceptMissing`.
    pub reason: Option<String>,
}

impl Wish {
    fn reason(&self) -> Option<&str> {
        self.reason.as_deref().map(str::trim).filter(|reason| !is_blank(reason))
    }
}

/// Missing photos that an administrator accepted, as recorded.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    pub by: String,
    pub at: Timestamp,
    pub reason: String,
    pub missing: Vec<PhotoShortfall>,
}

impl Accepted {
    /// Returns true if a user accepted this shortfall, or a greater one of the same grant and kind.
    #[must_use]
    pub fn covers(&self, shortfall: &PhotoShortfall) -> bool {
        let same = |accepted: &&PhotoShortfall| {
            accepted.seal_use_id == shortfall.seal_use_id
                && accepted.grant_id == shortfall.grant_id
                && accepted.kind == shortfall.kind
        };
        self.missing.iter().filter(same).map(|accepted| accepted.missing).sum::<i64>() >= shortfall.missing
    }

    pub async fn of_flow(tx: &mut Tx, flow: &FlowId) -> Result<Option<Self>, DbError> {
        let text: Option<String> =
            sql("SELECT missing_accepted FROM flows WHERE id = $1").bind(flow).scalar(tx).await?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| DbError::Decode(error.into()))
    }
}

/// Checks the request, records the user and the reason, and wakes the archive job. If photos or files are missing,
/// the error lists them.
pub async fn ask(acting: Acting<'_>, id: &FlowId, wish: &Wish) -> Result<(), ByHandError> {
    let Acting { db, user, now } = acting;
    let reason = wish.reason();
    let mut tx = db.begin().await?;
    let case = Case::lock(&mut tx, id, user).await?.ok_or(ByHandError::NotFound)?;
    let mut lacking = Lacking::of(&mut tx, id, &case.body).await?;
    if !user.reads_all() {
        lacking.hide_private_keys();
    }
    let unstamped = case.ends_without_stamp(&mut tx, user).await?;
    if unstamped {
        lacking.forget_fields_of_stamps(&case.body);
    }
    let decision = case.check(&mut tx, user, Action::Archive).await?;
    if wish.accept_missing && !matches!(decision, Err(Refusal::NotYours(_))) {
        if !user.is_admin() && !unstamped {
            return Err(ByHandError::NotEntitled);
        }
        if reason.is_none() {
            return Err(ByHandError::NoReason);
        }
    }
    match decision {
        Err(Refusal::FilesMissing) if lacking.photos.is_empty() || wish.accept_missing => {
            return Err(ByHandError::FieldRequired(lacking));
        }
        Err(Refusal::PhotosMissing | Refusal::FilesMissing) => return Err(ByHandError::PhotosMissing(lacking)),
        Err(refusal) => return Err(refusal.into()),
        Ok(()) => {}
    }
    if !wish.accept_missing {
        nothing_to_accept(&mut tx, &case, &lacking).await?;
    }
    let act = prepare(&mut tx, &case, user, wish, Ending { lacking, unstamped }, now).await?;
    Ok(acting.commit_to_flow(tx, act, id, reason).await?)
}

/// Refuses if photos are missing: an administrator must accept them explicitly.
async fn nothing_to_accept(tx: &mut Tx, case: &Case, lacking: &Lacking) -> Result<(), ByHandError> {
    if !lacking.photos.is_empty() {
        return Err(ByHandError::PhotosMissing(lacking.clone()));
    }
    for seal_use in SealUse::with_photos(&mut *tx, &case.flow.id).await? {
        let photos = PhotoCounts::of(tx, &seal_use.id).await?;
        if photos.unsettled {
            return Err(ByHandError::NotReady("photos are still being fetched. Retry in a moment."));
        }
        let unused = photos.sum.counted == 0 && !photos.any;
        if unused && !seal_use.superseded && case.node().is_some() {
            return Err(ByHandError::NotReady(
                "no stamping was made. Send `acceptMissing` with a reason to end the flow.",
            ));
        }
    }
    Ok(())
}

/// How a flow ends.
struct Ending {
    lacking: Lacking,
    /// Use ended without a stamp.
    unstamped: bool,
}

/// Does everything except the audit entry. Returns the act for that entry.
async fn prepare(
    tx: &mut Tx,
    case: &Case,
    user: &User,
    wish: &Wish,
    Ending { lacking, unstamped }: Ending,
    now: Timestamp,
) -> Result<Act, DbError> {
    let (flow, reason) = (&case.flow, wish.reason());
    if let Some(node) = case.node() {
        case.leave_nodes(tx, now).await?;
        if delivery::sends_after(&case.body, &node.key) {
            delivery::queue_stamped_files(tx, &flow.id, &case.body, now).await?;
        }
    }
    let asked =
        NewEvent { actor: &user.username, act: EventKind::ArchiveAsked, node: flow.node.as_deref(), detail: reason };
    event::record(tx, &flow.id, asked, now).await?;
    people::acted(tx, &flow.id, &user.username).await?;
    let accepts = wish.accept_missing && (unstamped || !lacking.photos.is_empty());
    if let (true, Some(reason)) = (accepts, reason) {
        accept(tx, flow, user, reason, lacking.photos, now).await?;
    }
    queue::wake(tx, JobKind::Archive, flow.id.as_str(), now, now).await?;
    Ok(if wish.accept_missing { Act::MissingAccepted } else { Act::ArchiveAsked })
}

async fn accept(
    tx: &mut Tx,
    flow: &LockedFlow,
    user: &User,
    reason: &str,
    missing: Vec<PhotoShortfall>,
    now: Timestamp,
) -> Result<(), DbError> {
    let accepted = Accepted { by: user.username.clone(), at: now, reason: reason.to_owned(), missing };
    let text = serde_json::to_string(&accepted).map_err(|error| DbError::Encode(error.into()))?;
    flow.accept_missing(tx, &text).await?;
    Photo::accept_losses(tx, &flow.id).await?;
    let happened = NewEvent {
        actor: &user.username,
        act: EventKind::MissingAccepted,
        node: flow.node.as_deref(),
        detail: Some(reason),
    };
    event::record(tx, &flow.id, happened, now).await
}

const LOOK: Duration = Duration::from_millis(50);

/// Waits for the job, at most `patience`. Returns true if the flow is archived.
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
