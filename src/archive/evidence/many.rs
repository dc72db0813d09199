//! The evidence packages of many flows as one bundle, a folder for each.

use super::{EvidenceError, have_made, present};
use crate::{
    app::App,
    bundle::{
        freeze, plans,
        record::Bundle,
        selection::{BundleWish, Gathered, SelectionError, visible_flow},
    },
    flow::{Flow, actions},
    queue::{self, JobKind},
    user::User,
};

#[derive(Debug, thiserror::Error)]
pub enum ManyError {
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    #[error(transparent)]
    Selection(#[from] SelectionError),
}

/// How far the bundle of many packages is.
#[derive(Debug)]
pub enum Progress {
    Ready(Bundle),
    Making(Bundle),
    /// The job of a package is parked.
    Failed(Bundle),
}

enum Packages {
    All(Gathered),
    /// Some are not made. `failed`: the job of one is parked.
    Some {
        failed: bool,
    },
}

/// Makes the bundle of these packages. Packages that are not made yet are made by their jobs, and the bundle follows.
pub async fn make(app: &App, user: &User, wish: &BundleWish) -> Result<Progress, ManyError> {
    if let Packages::All(gathered) = gather(app, user, wish).await? {
        return Ok(Progress::Ready(gathered.freeze(app, user, wish.name.as_deref()).await?.0));
    }
    Ok(Progress::Making(freeze::begin(app, user, wish).await?))
}

/// Looks again at a bundle that is not made yet, with the rights of its maker.
pub async fn proceed(app: &App, bundle: Bundle) -> Result<Progress, ManyError> {
    let Some((maker, wish)) = freeze::begun(app, &bundle).await? else { return made_meanwhile(app, bundle).await };
    match gather(app, &maker, &wish).await? {
        Packages::Some { failed: true } => Ok(Progress::Failed(bundle)),
        Packages::Some { failed: false } => Ok(Progress::Making(bundle)),
        Packages::All(gathered) => match gathered.complete(app, &maker, bundle.clone()).await {
            Err(SelectionError::Changed) => made_meanwhile(app, bundle).await,
            other => Ok(Progress::Ready(other?)),
        },
    }
}

/// Another request has made the bundle, or a package has ended while it was made.
async fn made_meanwhile(app: &App, bundle: Bundle) -> Result<Progress, ManyError> {
    let now = Bundle::find(&app.db, &bundle.id).await.map_err(EvidenceError::from)?;
    Ok(match now.filter(|now| now.plan_key.is_some()) {
        Some(made) => Progress::Ready(made),
        None => Progress::Making(bundle),
    })
}

/// Gathers the entries of the packages of these flows. A flow that the user may not see is left out. A flow without
/// evidence, such as a draft, is refused.
async fn gather(app: &App, user: &User, wish: &BundleWish) -> Result<Packages, EvidenceError> {
    let (mut gathered, mut complete, mut failed) = (Gathered::begin(&app.db).await?, true, false);
    for id in wish.flows() {
        let Some(flow) = visible_flow(&app.db, id, user).await? else { continue };
        actions::check_evidence(&flow, Flow::takes_part(&app.db, id, user).await?, user)?;
        let Some(package) = present(app, id, wish.faces).await? else {
            complete = false;
            if queue::is_parked(&app.db, JobKind::Evidence, id.as_str()).await? {
                failed = true;
            } else {
                have_made(app, id).await?;
            }
            continue;
        };
        let plan = plans::read(&app.store, &app.cpu, &package.bundle).await?;
        gathered.add_package(&flow, &package.bundle, plan.entries);
    }
    Ok(if complete { Packages::All(gathered) } else { Packages::Some { failed } })
}
