//! The evidence packages of many flows as one bundle, a folder for each.

use super::{EvidenceError, have_made, present};
use crate::{
    app::App,
    bundle::{
        plan::{DamagedPlan, FrozenPlan},
        selection::{Gathered, visible_flow},
    },
    flow::{Flow, actions},
    id::FlowId,
    store::StoreKey,
    user::User,
};

/// Returns the entries of the packages of these flows. `None`: some are not made yet, and their jobs run. A flow that the
/// user may not see is left out. A flow without evidence, such as a draft, is refused.
pub async fn gather(app: &App, user: &User, flows: &[FlowId], faces: bool) -> Result<Option<Gathered>, EvidenceError> {
    let (mut gathered, mut complete) = (Gathered::default(), true);
    for id in flows {
        let Some(flow) = visible_flow(&app.db, id, user).await? else { continue };
        actions::check_evidence(&flow, Flow::takes_part(&app.db, id, user).await?, user)?;
        let Some(package) = present(app, id, faces).await? else {
            have_made(app, id).await?;
            complete = false;
            continue;
        };
        let key = package.bundle.plan_key.clone().ok_or(DamagedPlan)?;
        let plan = FrozenPlan::decode(&app.store.get(&StoreKey::Raw(key)).await?)?;
        gathered.add_package(id, package.bundle.faces, plan.entries);
    }
    Ok(complete.then_some(gathered))
}
