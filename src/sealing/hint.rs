//! Tells the open pages of a flow that its seal uses or its files have changed.

use crate::{
    app::{App, ChangeNotice, ChangeSubject},
    flow::Flow,
    id::FlowId,
};

/// Sends a hint about the flow. Call it after the commit of the change. Without its state the hint is as good: a page
/// reads the flow again.
pub(super) async fn changed(app: &App, flow: &FlowId) {
    if app.has_no_listeners() {
        return;
    }
    let present = Flow::find(&app.db, flow).await.ok().flatten();
    app.notify_listeners(ChangeNotice {
        about: ChangeSubject::Flow,
        id: flow.to_string(),
        flow_id: flow.to_string(),
        state: present.map(|flow| flow.state.as_str().to_owned()).unwrap_or_default(),
        received: 0,
        expected: 0,
    });
}
