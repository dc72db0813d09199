//! Checks of forms: before the transaction begins, and outside the async threads if the form is large.
//!
//! A form can have 250,000 values. Their check would stop every other request of its thread, and on SQLite every write.

use serde_json::Value;

use super::StepError;
use crate::{
    db::{Db, DbError},
    definition::{Body, Definition, FieldError},
    flow::{
        Flow, FlowState,
        case::Case,
        form::{self, Form},
    },
    id::FlowId,
    user::{Directory, User},
};

/// A form with more values leaves the async threads.
const LARGE: usize = 1_000;
/// The check of a form with fewer rows is so short that it may be inside the transaction.
const MANY_ROWS: usize = 50;

type Check = fn(&Body, &Form, &Directory) -> Vec<FieldError>;

/// Returns the errors that `check` finds.
pub(super) async fn errors(
    check: Check,
    body: &Body,
    form: &Form,
    users: &Directory,
) -> Result<Vec<FieldError>, StepError> {
    if form::cells(body, form) <= LARGE {
        return Ok(check(body, form, users));
    }
    let (body, form, users) = (body.clone(), form.clone(), users.clone());
    Ok(tokio::task::spawn_blocking(move || check(&body, &form, &users)).await?)
}

/// The errors of the form that a flow is going to have. They were found before the flow was locked.
pub(super) struct Checked {
    form: Form,
    version: i64,
    is_draft: bool,
    errors: Vec<FieldError>,
}

impl Checked {
    /// Checks the flow's form with the given fields. `None` for a form with few rows, and for a flow that the user may
    /// not see. `submits`: the whole form is checked, also that of a draft.
    pub(super) async fn before(
        db: &Db,
        id: &FlowId,
        user: &User,
        given: &Form,
        submits: bool,
    ) -> Result<Option<Self>, StepError> {
        let Some(flow) = Flow::find(db, id).await? else { return Ok(None) };
        let mut form = flow.values()?;
        for (key, value) in given {
            if value.is_null() {
                form.remove(key)
            } else {
                form.insert(key.clone(), value.clone())
            };
        }
        if rows(&form) <= MANY_ROWS || !Flow::visible_to(db, id, user).await? {
            return Ok(None);
        }
        let is_draft = flow.state == FlowState::Draft;
        let definition = if is_draft {
            Definition::current(db, &flow.definition_id).await?.ok_or(DbError::RowNotFound)?
        } else {
            Definition::version(db, &flow.definition_id, flow.version).await?
        };
        let check = check_of(is_draft && !submits);
        let errors = errors(check, &definition.body, &form, &Directory::load(db).await?).await?;
        Ok(Some(Self { form, version: definition.version, is_draft, errors }))
    }

    /// Returns the errors of the form that the locked flow has now. It is checked again only if it became another one
    /// since.
    pub(super) async fn errors_of(
        before: Option<Self>,
        case: &Case,
        form: &Form,
        submits: bool,
    ) -> Result<Vec<FieldError>, StepError> {
        let is_draft = case.flow.state == FlowState::Draft;
        match before {
            Some(before)
                if before.version == case.flow.version && before.is_draft == is_draft && before.form == *form =>
            {
                Ok(before.errors)
            }
            _ => errors(check_of(is_draft && !submits), &case.body, form, &case.users).await,
        }
    }
}

fn check_of(only_types: bool) -> Check {
    if only_types { form::check_types } else { form::check }
}

fn rows(form: &Form) -> usize {
    form.values().filter_map(Value::as_array).map(Vec::len).sum()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use serde_json::json;

    use super::*;

    fn body(columns: usize) -> Body {
        let columns: Vec<Value> =
            (0..columns).map(|n| json!({ "key": format!("c{n}"), "label": "c", "type": "text" })).collect();
        let table = json!({ "key": "rows", "label": "rows", "type": "table", "columns": columns });
        let node = json!({ "key": "n", "name": "n", "kind": "approval", "assignees": ["manager"] });
        serde_json::from_value(json!({ "name": "d", "fields": [table], "nodes": [node] })).unwrap()
    }

    /// The thread of the check, as an error.
    fn thread_of_check(_: &Body, _: &Form, _: &Directory) -> Vec<FieldError> {
        vec![FieldError::new(format!("{:?}", thread::current().id()), "")]
    }

    async fn checked_by(rows: usize, columns: usize) -> String {
        let form = json!({ "rows": vec![json!({}); rows] });
        let users = Directory::default();
        let errors = errors(thread_of_check, &body(columns), form.as_object().unwrap(), &users).await;
        errors.unwrap().remove(0).field
    }

    #[tokio::test]
    async fn a_form_with_many_cells_is_checked_outside_the_async_threads() {
        let here = format!("{:?}", thread::current().id());
        assert_eq!(checked_by(20, 4).await, here);
        assert_ne!(checked_by(500, 200).await, here);
    }
}
