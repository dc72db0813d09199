//! The steps of a flow that users take: start, approve, reject, transfer, withdraw, edit, submit, comment.
//!
//! Each step is one transaction that locks the flow first. Two users who act at once are serialised: the second step
//! sees the result of the first and fails if it is not possible any more.

mod approve;
mod back;
mod checked;
mod draft;
mod fill;
mod hand;
mod turn;

pub use approve::approve;
pub use back::{reject, withdraw};
pub use draft::draft;
pub use fill::{edit, submit};
pub use hand::{comment, transfer};

use super::{
    Flow, FlowState,
    actions::Refusal,
    assign::{self, Casting},
    event::{self, EventKind, NewEvent},
    form::{self, ApplicationError, Form},
    next_serial_no, people, progress, required_files,
};
use crate::{
    audit::Act,
    clock::Timestamp,
    db::{DbError, Tx, is_blank},
    definition::{Body, Definition, Field, FieldError, Integration, START, starters::StartRefusal},
    id::{DefinitionId, FlowId, RunId},
    killpoint,
    user::{Acting, Directory, User, keyed},
};

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error("the form has errors; correct the fields in `errors`")]
    Invalid(Vec<FieldError>),
    #[error("{0}")]
    ContactMissing(ApplicationError),
    #[error("no user can take a node of this flow; correct the causes in `errors`")]
    Unassignable(Vec<FieldError>),
    #[error(
        "a file that the vendor gets with the application is missing; upload it to the field that `errors` names. A new flow takes files as a draft."
    )]
    FieldRequired(Vec<FieldError>),
    #[error(transparent)]
    NotStarted(#[from] StartRefusal),
    #[error("there is no such flow")]
    NotFound,
    #[error("it is not your turn; the node waits for other users")]
    NotAssigned,
    #[error("it is not your turn yet; wait until the users before you have acted")]
    NotYet,
    #[error("you have already acted at this node")]
    ActedAlready,
    #[error("the flow has moved on; read it again")]
    MovedOn,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the check of the form failed: {0}")]
    Check(#[from] tokio::task::JoinError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl StepError {
    fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }
}

impl From<ApplicationError> for StepError {
    fn from(error: ApplicationError) -> Self {
        match error {
            ApplicationError::Invalid(errors) => Self::Invalid(errors),
            missing @ ApplicationError::ContactMissing => Self::ContactMissing(missing),
        }
    }
}

/// What a user says with a step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opinion<'a> {
    pub comment: Option<&'a str>,
    /// The node that the user looked at. If the flow has left it, the step fails.
    pub node: Option<&'a str>,
}

/// Creates a flow of `definition` and submits it. `run`: the run of a request with a key, which notes its act. The flow
/// takes the version that is current now: another one may have been saved since the caller read it.
pub async fn start(
    acting: Acting<'_>,
    definition: &Definition,
    form: &Form,
    run: Option<&RunId>,
) -> Result<FlowId, StepError> {
    let Acting { user: starter, now, .. } = acting;
    let (mut tx, definition, users) = startable(acting, &definition.id, form).await?;
    let body = &definition.body;
    let flow = new_flow(acting, &definition, form);
    let flow = Flow { serial_no: next_serial_no(&mut tx, now).await?, state: FlowState::Running, ..flow };
    let flow = flow.insert(&mut tx).await?;
    people::started_by(&mut tx, &flow.id, &starter.username).await?;
    people::add(&mut tx, &flow.id, participants(&flow, body, form, &users)).await?;
    let submitted = NewEvent { actor: &starter.username, act: EventKind::Submitted, node: None, detail: None };
    event::record(&mut tx, &flow.id, submitted, now).await?;
    progress::leave(&mut tx, &flow, body, START, &users, now).await?;
    keyed::note(&mut tx, run, &flow.id).await?;
    killpoint::reach("start_written");
    acting.commit_to_flow(tx, Act::FlowSubmitted, &flow.id, None).await?;
    killpoint::reach("start_committed");
    Ok(flow.id.clone())
}

/// Checks that the user may start a flow of the current version with this form, and begins the transaction. The form is
/// checked before it, and again if a new version was saved meanwhile.
async fn startable(
    acting: Acting<'_>,
    id: &DefinitionId,
    form: &Form,
) -> Result<(Tx, Definition, Directory), StepError> {
    let Acting { db, user: starter, now } = acting;
    loop {
        let definition = Definition::current(db, id).await?.ok_or(StepError::NotFound)?;
        let body = &definition.body;
        body.check_start(starter)?;
        let users = Directory::load(db).await?;
        let errors = checked::errors(form::check, body, form, &users).await?;
        submittable(errors, body, form, starter, &users, now)?;
        applicable(body, required_files::all(body))?;
        let mut tx = db.begin().await?;
        if Definition::current(&mut tx, id).await?.is_some_and(|current| current.version == definition.version) {
            return Ok((tx, definition, users));
        }
    }
}

/// Returns a draft that is not written yet.
fn new_flow(acting: Acting<'_>, definition: &Definition, form: &Form) -> Flow {
    Flow {
        id: FlowId::new(),
        serial_no: String::new(),
        definition_id: definition.id.clone(),
        version: definition.version,
        title: title(&definition.body, form),
        starter: acting.user.username.clone(),
        state: FlowState::Draft,
        node: Some(START.to_owned()),
        form: serde_json::Value::Object(form.clone()).to_string(),
        manifest_no: 0,
        round: 1,
        by_hand: false,
        created_at: acting.now,
        updated_at: acting.now,
        archived_at: None,
    }
}

/// Checks at submission that the application has its files, if it leaves at the start. `empty`: the required files
/// fields without a file.
fn applicable<'b>(body: &Body, empty: impl IntoIterator<Item = &'b Field>) -> Result<(), StepError> {
    if body.enabled_integration().is_none_or(|integration| integration.apply_node != START) {
        return Ok(());
    }
    let owed = owed_files(body, empty);
    if owed.is_empty() { Ok(()) } else { Err(StepError::FieldRequired(owed)) }
}

/// Returns an error for each of the fields whose files the application needs.
fn owed_files<'b>(body: &Body, empty: impl IntoIterator<Item = &'b Field>) -> Vec<FieldError> {
    empty.into_iter().filter(|field| body.goes_to_vendor(field)).map(required_files::error).collect()
}

/// Checks at submission that the form has no errors, that every node can be passed and that the form gives an
/// application, not after three approvals.
fn submittable(
    errors: Vec<FieldError>,
    body: &Body,
    form: &Form,
    starter: &User,
    users: &Directory,
    now: Timestamp,
) -> Result<(), StepError> {
    if !errors.is_empty() {
        return Err(StepError::Invalid(errors));
    }
    let stranded = Casting { body, form, starter: &starter.username, users }.unassignable();
    if !stranded.is_empty() {
        return Err(StepError::Unassignable(stranded));
    }
    if let Some(integration) = body.enabled_integration() {
        form::application(integration, form, starter, users)?;
        in_time(integration, form, now)?;
    }
    Ok(())
}

/// Refuses a time of use that is over: the vendor would refuse the application after all approvals.
fn in_time(integration: &Integration, form: &Form, now: Timestamp) -> Result<(), StepError> {
    let over = form::times_over(integration, form, now);
    if over.is_empty() { Ok(()) } else { Err(StepError::Invalid(over)) }
}

fn title(body: &Body, form: &Form) -> String {
    let subject = body.integration.as_ref().and_then(|i| form.get(&i.subject_field)).and_then(|v| v.as_str());
    subject.filter(|subject| !is_blank(subject)).unwrap_or(&body.name).to_owned()
}

/// Returns the participants at the start: approvers, seal users and the users that the form names.
fn participants(flow: &Flow, body: &Body, form: &Form, users: &Directory) -> Vec<String> {
    let mut people = Vec::new();
    for assignee in body.nodes.iter().flat_map(|node| &node.assignees) {
        match assignee.as_str() {
            field if field.starts_with("field:") => {
                let named = assign::people_in(form, field.trim_start_matches("field:"));
                people.extend(named.into_iter().map(|name| format!("user:{name}")));
            }
            "manager" => {
                let manager = users.get(&flow.starter).and_then(|starter| starter.manager.as_ref());
                people.extend(manager.map(|manager| format!("user:{manager}")));
            }
            named => people.push(named.to_owned()),
        }
    }
    if let (Some(integration), Some(starter)) = (body.enabled_integration(), users.get(&flow.starter))
        && let Ok(application) = form::application(integration, form, starter, users)
    {
        let stampers = application.wants.iter().flat_map(|want| &want.users);
        people.extend(stampers.map(|person| format!("user:{}", person.username)));
    }
    people
}
