//! Creates a draft: a flow that only its starter sees, until it is submitted.

use super::{StepError, checked, new_flow};
use crate::{
    audit::Act,
    definition::Definition,
    flow::{
        event::{self, EventKind, NewEvent},
        form::{self, Form},
        people,
    },
    id::{FlowId, RunId},
    user::{Acting, Directory, keyed},
};

/// Creates a draft of `definition`. Its form is checked for types. The submission checks it whole.
/// `run`: the run of a request with a key, which notes its act.
pub async fn draft(
    acting: Acting<'_>,
    definition: &Definition,
    form: &Form,
    run: Option<&RunId>,
) -> Result<FlowId, StepError> {
    let definition = &Definition::current(acting.db, &definition.id).await?.ok_or(StepError::NotFound)?;
    definition.body.check_start(acting.user)?;
    let users = Directory::load(acting.db).await?;
    let errors = checked::errors(form::check_types, &definition.body, form, &users).await?;
    if !errors.is_empty() {
        return Err(StepError::Invalid(errors));
    }
    let mut tx = acting.db.begin().await?;
    let flow = new_flow(acting, definition, form).insert(&mut tx).await?;
    people::started_by(&mut tx, &flow.id, &flow.starter).await?;
    let drafted = NewEvent { actor: &acting.user.username, act: EventKind::Drafted, node: None, detail: None };
    event::record(&mut tx, &flow.id, drafted, acting.now).await?;
    keyed::note(&mut tx, run, &flow.id).await?;
    acting.commit_to_flow(tx, Act::FlowDrafted, &flow.id, None).await?;
    Ok(flow.id.clone())
}
