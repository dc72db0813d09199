//! The form is changed where that is allowed; a flow that was sent back is submitted again.

use serde_json::Value;

use super::{StepError, participants, standing::Standing, submittable, title};
use crate::{
    audit::Act,
    clock::Timestamp,
    db::{DbError, Tx},
    definition::{Field, FieldError, FieldType, START},
    flow::{
        FlowState,
        actions::{Action, Facts, check, editable},
        event::{self, EventKind, NewEvent},
        form::{self, Form},
        people, progress,
    },
    id::FlowId,
    user::{Acting, User},
};

/// `user` changes fields that are editable for them now. A member that is absent stays as it is, null empties.
pub async fn edit(acting: Acting<'_>, id: &FlowId, given: &Form) -> Result<(), StepError> {
    let Acting { db, user, now } = acting;
    let mut tx = db.begin().await?;
    let mut standing = Standing::lock(&mut tx, id).await?;
    if standing.flow.state != FlowState::Rejected {
        let node = standing.node(None)?;
        standing.turn_of(&mut tx, node, user).await?;
    } else if standing.flow.starter != user.username {
        return Err(StepError::NotStarter);
    }
    let form = fill(&mut tx, &mut standing, user, given, now).await?;
    let errors = form::check(&standing.body, &form, &standing.users);
    if !errors.is_empty() {
        return Err(StepError::Invalid(errors));
    }
    let applied = progress::has_live_use(&mut tx, id).await?;
    if let (Some(integration), Some(starter)) =
        (standing.body.enabled_integration(), standing.users.get(&standing.flow.starter))
        && standing.flow.state == FlowState::Running
        && !applied
    {
        form::application(integration, &form, starter, &standing.users)?;
    }
    let keys: Vec<&str> = given.keys().map(String::as_str).collect();
    Ok(acting.commit_to_flow(tx, Act::FlowEdited, id, Some(&keys.join(" "))).await?)
}

/// The starter submits a flow again that was sent back to them, with changes if they like.
pub async fn submit(acting: Acting<'_>, id: &FlowId, given: &Form, comment: Option<&str>) -> Result<(), StepError> {
    let Acting { db, user, now } = acting;
    let mut tx = db.begin().await?;
    let mut standing = Standing::lock(&mut tx, id).await?;
    if standing.flow.starter != user.username {
        return Err(StepError::NotStarter);
    }
    match standing.flow.state {
        FlowState::Rejected => {}
        FlowState::Running => return Err(StepError::NotSentBack),
        over => return Err(StepError::NotRunning(over)),
    }
    let form = fill(&mut tx, &mut standing, user, given, now).await?;
    submittable(&standing.body, &form, user, &standing.users)?;
    let happened = NewEvent { actor: &user.username, act: EventKind::Submitted, node: None, detail: comment };
    event::record(&mut tx, id, happened, now).await?;
    standing.flow.turn(&mut tx, FlowState::Running, now).await?;
    progress::leave(&mut tx, &standing.flow, &standing.body, START, &standing.users, now).await?;
    Ok(acting.commit_to_flow(tx, Act::FlowSubmitted, id, comment).await?)
}

/// Writes what is given into the form, and what that changes: title, people, an event that tells old and new.
async fn fill(
    tx: &mut Tx,
    standing: &mut Standing,
    user: &User,
    given: &Form,
    now: Timestamp,
) -> Result<Form, StepError> {
    let present: Form = serde_json::from_str(&standing.flow.form).map_err(|error| DbError::Decode(error.into()))?;
    let facts = Facts {
        user,
        flow: &standing.flow,
        body: &standing.body,
        turn: standing.people.has_turn(user),
        takes_part: true,
        stamps: false,
        seal_uses: &[],
        files_owed: false,
    };
    if !given.is_empty() {
        check(&facts, Action::Edit)?;
    }
    let (form, changes) =
        merge(&present, given, &standing.body.fields, &editable(&facts)).map_err(StepError::Invalid)?;
    if changes.is_empty() {
        return Ok(form);
    }
    let (text, title) = (Value::Object(form.clone()).to_string(), title(&standing.body, &form));
    standing.flow.write_form(tx, text, title, now).await?;
    people::add(tx, &standing.flow.id, participants(&standing.flow, &standing.body, &form, &standing.users)).await?;
    let detail = changes.join("\n");
    let node = standing.flow.node.as_deref();
    let happened = NewEvent { actor: &user.username, act: EventKind::Edited, node, detail: Some(&detail) };
    event::record(tx, &standing.flow.id, happened, now).await?;
    standing.acted(tx, user).await?;
    Ok(form)
}

/// `present` with what is given, and each change in words. A member that is given as it stands changes nothing, so the
/// whole form can be sent back.
fn merge(
    present: &Form,
    given: &Form,
    fields: &[Field],
    editable: &[&Field],
) -> Result<(Form, Vec<String>), Vec<FieldError>> {
    let (mut form, mut changes, mut errors) = (present.clone(), Vec::new(), Vec::new());
    for (key, new) in given {
        let old = present.get(key).unwrap_or(&Value::Null);
        if old == new {
            continue;
        }
        let at = format!("form.{key}");
        match fields.iter().find(|field| field.key == *key) {
            None => errors.push(FieldError::new(at, "the definition has no such field")),
            Some(field) if field.field_type == FieldType::Files => {
                errors.push(FieldError::new(at, "files are set by upload only"));
            }
            Some(field) if !editable.iter().any(|may| may.key == field.key) => {
                errors.push(FieldError::new(at, "you cannot change this field now"));
            }
            Some(field) => {
                changes.push(format!("{}: {} → {}", field.label, told(old), told(new)));
                if new.is_null() {
                    form.remove(key);
                } else {
                    form.insert(key.clone(), new.clone());
                }
            }
        }
    }
    if errors.is_empty() { Ok((form, changes)) } else { Err(errors) }
}

fn told(value: &Value) -> String {
    match value {
        Value::Null => "—".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
