//! Changes form fields, and submits a flow again that was sent back.

use serde_json::Value;

use super::{StepError, applicable, checked::Checked, in_time, participants, submittable, title, turn};
use crate::{
    audit::Act,
    clock::Timestamp,
    db::{DbError, Tx},
    definition::{Body, Field, FieldError, FieldType, START},
    flow::{
        FlowState,
        actions::{Action, check_submit},
        case::Case,
        draft,
        event::{self, EventKind, NewEvent},
        form::{self, Form},
        people, progress, required_files,
    },
    id::{FlowId, RunId},
    user::{Acting, User, keyed},
};

/// Changes fields that `user` may edit now. An absent member stays unchanged; null empties the field.
pub async fn edit(acting: Acting<'_>, id: &FlowId, given: &Form) -> Result<(), StepError> {
    let Acting { db, user, now } = acting;
    let checked = Checked::before(db, id, user, given, false).await?;
    let mut tx = db.begin().await?;
    let mut case = Case::lock(&mut tx, id, user).await?.ok_or(StepError::NotFound)?;
    if case.flow.state == FlowState::Draft {
        case.take_current_version(&mut tx).await?;
    }
    turn::check(&mut tx, &case, user, Action::Edit, None).await?;
    let form = fill(&mut tx, &mut case, user, given, now).await?;
    let errors = Checked::errors_of(checked, &case, &form, false).await?;
    if !errors.is_empty() {
        return Err(StepError::Invalid(errors));
    }
    let applied = progress::has_live_use(&mut tx, id).await?;
    if let (Some(integration), Some(starter)) = (case.body.enabled_integration(), case.users.get(&case.flow.starter))
        && case.flow.state == FlowState::Running
        && !applied
    {
        form::application(integration, &form, starter, &case.users)?;
        in_time(integration, &form, now)?;
    }
    let keys: Vec<&str> = given.keys().map(String::as_str).collect();
    Ok(acting.commit_to_flow(tx, Act::FlowEdited, id, Some(&keys.join(" "))).await?)
}

/// Submits a draft, or a flow that was sent back to its starter, with optional changes.
pub async fn submit(
    acting: Acting<'_>,
    id: &FlowId,
    given: &Form,
    comment: Option<&str>,
    run: Option<&RunId>,
) -> Result<(), StepError> {
    let Acting { db, user, now } = acting;
    let checked = Checked::before(db, id, user, given, true).await?;
    let mut tx = db.begin().await?;
    let mut case = Case::lock(&mut tx, id, user).await?.ok_or(StepError::NotFound)?;
    check_submit(&case.flow, user)?;
    let is_draft = case.flow.state == FlowState::Draft;
    if is_draft {
        case.take_current_version(&mut tx).await?;
        case.body.check_start(user)?;
    }
    let form = fill(&mut tx, &mut case, user, given, now).await?;
    let errors = Checked::errors_of(checked, &case, &form, true).await?;
    submittable(errors, &case.body, &form, user, &case.users, now)?;
    applicable(&case.body, required_files::empty(&mut tx, id, &case.body).await?)?;
    if is_draft {
        draft::leave(&mut tx, &mut case, user, now).await?;
        people::add(&mut tx, id, participants(&case.flow, &case.body, &form, &case.users)).await?;
    }
    let happened = NewEvent { actor: &user.username, act: EventKind::Submitted, node: None, detail: comment };
    event::record(&mut tx, id, happened, now).await?;
    case.flow.set_state(&mut tx, FlowState::Running, now).await?;
    progress::leave(&mut tx, &case.flow, &case.body, START, &case.users, now).await?;
    keyed::note(&mut tx, run, id).await?;
    Ok(acting.commit_to_flow(tx, Act::FlowSubmitted, id, comment).await?)
}

/// Writes the given fields into the form, and updates title, participants and the event with old and new values.
async fn fill(tx: &mut Tx, case: &mut Case, user: &User, given: &Form, now: Timestamp) -> Result<Form, StepError> {
    let mut present: Form = serde_json::from_str(&case.flow.form).map_err(|error| DbError::Decode(error.into()))?;
    let may = case.editable(tx, user).await?;
    let dropped =
        if case.flow.state == FlowState::Draft { drop_removed(&mut present, &case.body) } else { Form::new() };
    // A client may send the whole form as it has read it.
    let mut given = given.clone();
    given.retain(|key, _| !dropped.contains_key(key));
    let (form, mut changes) = merge(&present, &given, &case.body.fields, &may).map_err(StepError::Invalid)?;
    changes.extend(dropped.iter().map(|(key, old)| format!("{key}: {} → —", shown(old))));
    if changes.is_empty() {
        return Ok(form);
    }
    let (text, title) = (Value::Object(form.clone()).to_string(), title(&case.body, &form));
    case.flow.write_form(tx, text, title, now).await?;
    if case.flow.state != FlowState::Draft {
        people::add(tx, &case.flow.id, participants(&case.flow, &case.body, &form, &case.users)).await?;
    }
    let detail = changes.join("\n");
    let node = case.flow.node.as_deref();
    let happened = NewEvent { actor: &user.username, act: EventKind::Edited, node, detail: Some(&detail) };
    event::record(tx, &case.flow.id, happened, now).await?;
    case.mark_acted(tx, user).await?;
    Ok(form)
}

/// Drops the values of a draft whose fields the definition does not have any more, and returns them.
fn drop_removed(present: &mut Form, body: &Body) -> Form {
    let (kept, dropped) = std::mem::take(present).into_iter().partition(|(key, _)| body.field(key).is_some());
    *present = kept;
    dropped
}

/// Returns `present` with the given fields, and each change as text. A member with an unchanged value is no change, so
/// a client may send the whole form.
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
            // An earlier version of the definition had the field.
            None if new.is_null() => {
                form.remove(key);
                changes.push(format!("{key}: {} → —", shown(old)));
            }
            None => errors.push(FieldError::new(at, "the definition has no such field; remove it")),
            // A draft may have a value from a version in which the field held no files.
            Some(field) if field.field_type == FieldType::Files && !new.is_null() => {
                errors.push(FieldError::new(at, "files are set by upload only; upload the file to this field"));
            }
            Some(field) if !editable.contains(&field.key) => {
                errors.push(FieldError::new(at, "you cannot change this field now"));
            }
            Some(field) => {
                changes.push(format!("{}: {} → {}", field.label, shown(old), shown(new)));
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

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "—".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
