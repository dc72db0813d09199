//! Flows, and what people do with them.

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

/// Tells who looks at the flow that it has changed.
fn hint(edge: &Edge, flow: &FlowView) {
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

/// The flow as `user` sees it, if they may do `action` with it now: 404 when they do not see it, 403 when others may,
/// 409 `not_now` when the flow does not stand there.
pub(super) async fn may(edge: &Edge, id: &FlowId, user: &User, action: Action) -> Result<FlowView, Problem> {
    let flow = shown(edge, id, user).await?;
    flow.check(action)?;
    Ok(flow)
}

pub(super) async fn shown(edge: &Edge, id: &FlowId, user: &User) -> Result<FlowView, Problem> {
    view::view(&edge.app.db, id, user).await?.ok_or_else(Problem::not_found)
}

pub(super) async fn may_see(edge: &Edge, id: &FlowId, user: &User) -> Result<(), Problem> {
    if Flow::visible_to(&edge.app.db, id, user).await? { Ok(()) } else { Err(Problem::not_found()) }
}

/// Who only reads changes nothing.
pub(super) async fn may_act(edge: &Edge, id: &FlowId, user: &User) -> Result<(), Problem> {
    may_see(edge, id, user).await?;
    if user.is_admin() || Flow::takes_part(&edge.app.db, id, user).await? { Ok(()) } else { Err(Problem::forbidden()) }
}
