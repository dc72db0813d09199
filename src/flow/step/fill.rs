//! The form is changed where that is allowed; a flow that was sent back is submitted again.

use serde_json::Value;

use super::{StepError, participants, submittable, title, turn};
use crate::{
    audit::Act,
    clock::Timestamp,
    db::{DbError, Tx},
    definition::{Field, FieldError, FieldType, START},
    flow::{
        FlowState,
        actions::{Action, check_submit},
        case::Case,
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
    let mut case = Case::lock(&mut tx, id).await?.ok_or(StepError::NotFound)?;
    turn::check(&mut tx, &case, user, Action::Edit, None).await?;
    let form = fill(&mut tx, &mut case, user, given, now).await?;
    let errors = form::check(&case.body, &form, &case.users);
    if !errors.is_empty() {
        return Err(StepError::Invalid(errors));
    }
    let applied = progress::has_live_use(&mut tx, id).await?;
    if let (Some(integration), Some(starter)) = (case.body.enabled_integration(), case.users.get(&case.flow.starter))
        && case.flow.state == FlowState::Running
        && !applied
    {
        form::application(integration, &form, starter, &case.users)?;
    }
    let keys: Vec<&str> = given.keys().map(String::as_str).collect();
    Ok(acting.commit_to_flow(tx, Act::FlowEdited, id, Some(&keys.join(" "))).await?)
}

/// The starter submits a flow again that was sent back to them, with changes if they like.
pub async fn submit(acting: Acting<'_>, id: &FlowId, given: &Form, comment: Option<&str>) -> Result<(), StepError> {
    let Acting { db, user, now } = acting;
    let mut tx = db.begin().await?;
    let mut case = Case::lock(&mut tx, id).await?.ok_or(StepError::NotFound)?;
    check_submit(&case.flow, user)?;
    let form = fill(&mut tx, &mut case, user, given, now).await?;
    submittable(&case.body, &form, user, &case.users)?;
    let happened = NewEvent { actor: &user.username, act: EventKind::Submitted, node: None, detail: comment };
    event::record(&mut tx, id, happened, now).await?;
    case.flow.turn(&mut tx, FlowState::Running, now).await?;
    progress::leave(&mut tx, &case.flow, &case.body, START, &case.users, now).await?;
    Ok(acting.commit_to_flow(tx, Act::FlowSubmitted, id, comment).await?)
}

/// Writes what is given into the form, and what that changes: title, people, an event that tells old and new.
async fn fill(tx: &mut Tx, case: &mut Case, user: &User, given: &Form, now: Timestamp) -> Result<Form, StepError> {
    let present: Form = serde_json::from_str(&case.flow.form).map_err(|error| DbError::Decode(error.into()))?;
    let may = case.editable(tx, user).await?;
    let (form, changes) = merge(&present, given, &case.body.fields, &may).map_err(StepError::Invalid)?;
    if changes.is_empty() {
        return Ok(form);
    }
    let (text, title) = (Value::Object(form.clone()).to_string(), title(&case.body, &form));
    case.flow.write_form(tx, text, title, now).await?;
    people::add(tx, &case.flow.id, participants(&case.flow, &case.body, &form, &case.users)).await?;
    let detail = changes.join("\n");
    let node = case.flow.node.as_deref();
    let happened = NewEvent { actor: &user.username, act: EventKind::Edited, node, detail: Some(&detail) };
    event::record(tx, &case.flow.id, happened, now).await?;
    case.acted(tx, user).await?;
    Ok(form)
}

/// `present` with what is given, and each change in words. A member that is given as it stands changes nothing, so the
/// whole form can be sent back.
fn merge(
    present: &Form,
    given: &Form,
    fields: &[Field],
    editable: &[String],
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
            Some(field) if !editable.contains(&field.key) => {
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
