//! Flows and the steps of users.

mod list;
mod seal;
mod steps;

use utoipa_axum::router::OpenApiRouter;

use super::{Edge, Problem};
use crate::{
    app::{ChangeNotice, ChangeSubject},
    flow::{
        Flow,
        actions::Action,
        view::{self, FlowView},
    },
    id::FlowId,
    seal_use::Counts,
    user::User,
};

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().merge(list::routes()).merge(steps::routes()).merge(seal::routes())
}

/// Sends a hint to listeners: the flow has changed.
pub(super) fn send_hint(edge: &Edge, flow: &FlowView) {
    let sum = |number: fn(&Counts) -> i64| flow.seal_uses.iter().map(|used| number(&used.counts)).sum();
    edge.app.notify_listeners(ChangeNotice {
        about: ChangeSubject::Flow,
        id: flow.head.id.to_string(),
        flow_id: flow.head.id.to_string(),
        state: flow.head.state.as_str().to_owned(),
        received: sum(|counts| counts.received),
        expected: sum(|counts| counts.received + counts.missing),
    });
}

/// Sends the hint after an act whose answer is not the flow. If the flow cannot be read now, the hint is lost, as every
/// hint may be.
pub(super) async fn send_hint_of(edge: &Edge, id: &FlowId, user: &User) {
    if edge.app.has_no_listeners() {
        return;
    }
    if let Ok(flow) = visible_flow(edge, id, user).await {
        send_hint(edge, &flow);
    }
}

/// Returns the flow if `user` may do `action` now. Answers 404 if the user may not see the flow, 403 if only other
/// users may do the action, and 409 `not_now` if the state of the flow does not allow it.
pub(super) async fn flow_for(edge: &Edge, id: &FlowId, user: &User, action: Action) -> Result<FlowView, Problem> {
    let flow = visible_flow(edge, id, user).await?;
    flow.check(action)?;
    Ok(flow)
}

/// Returns the flow as `user` sees it. Answers 404 if the user may not see it.
pub(super) async fn visible_flow(edge: &Edge, id: &FlowId, user: &User) -> Result<FlowView, Problem> {
    view::view(&edge.app.db, id, user).await?.ok_or_else(Problem::not_found)
}

/// Answers 404 if `user` may not see the flow.
pub(super) async fn check_visible(edge: &Edge, id: &FlowId, user: &User) -> Result<(), Problem> {
    if Flow::visible_to(&edge.app.db, id, user).await? { Ok(()) } else { Err(Problem::not_found()) }
}

/// Answers 403 if `user` may read the flow but takes no part in it.
pub(super) async fn check_takes_part(edge: &Edge, id: &FlowId, user: &User) -> Result<(), Problem> {
    check_visible(edge, id, user).await?;
    if user.is_admin() || Flow::takes_part(&edge.app.db, id, user).await? { Ok(()) } else { Err(Problem::forbidden()) }
}
