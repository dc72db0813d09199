//! Withdraws a flow. What was stamped is evidence, so the vendor is asked first what was stamped.

use crate::{
    app::App,
    flow::{
        Flow, FlowState,
        step::{self, StepError},
    },
    id::FlowId,
    seal_use::{SealUse, ingest::Trigger},
    sealing::end_use,
    service::Service,
    user::Acting,
};

/// Withdraws the flow for a user. The rules go by the vendor's present counts if the vendor answers within two seconds,
/// else by its last ones.
pub async fn withdraw(app: &App, acting: Acting<'_>, id: &FlowId, comment: Option<&str>) -> Result<(), StepError> {
    let flow = Flow::find(&app.db, id).await?.ok_or(StepError::NotFound)?;
    if flow.state == FlowState::Running && (flow.starter == acting.user.username || acting.user.is_admin()) {
        look(app, id).await?;
    }
    step::withdraw(acting, id, comment).await
}

/// Stores what the vendor shows of the open seal use.
async fn look(app: &App, flow: &FlowId) -> Result<(), StepError> {
    let open = SealUse::at_vendor(&app.db, flow).await?.filter(|seal_use| !seal_use.status.ended());
    let Some(seal_use) = open else { return Ok(()) };
    let Some(business_id) = seal_use.business_id.as_deref() else { return Ok(()) };
    let Ok(client) = Service::client(&app.db, &app.vendor, &seal_use.service_id).await else { return Ok(()) };
    if let Err(error) = end_use::store_current_state(app, &client, &seal_use, business_id, Trigger::Poll).await {
        tracing::warn!(%error, seal_use = %seal_use.id, "the flow is withdrawn by the last known counts");
    }
    Ok(())
}
