//! The steps of a flow that people take: it is started, goes from node to node, is sent back, handed on, taken back.
//!
//! Each is one transaction that locks the flow first, so that two people who act at once act one after the other: the
//! second sees what the first did and is told so.

mod approve;
mod back;
mod fill;
mod hand;
mod standing;

pub use approve::approve;
pub use back::{reject, withdraw};
pub use fill::{edit, submit};
pub use hand::{comment, transfer};

use super::{
    Flow, FlowState,
    actions::Refusal,
    assign::unassignable,
    event::{self, EventKind, NewEvent},
    form::{self, ApplicationError, Form},
    next_serial_no, people, progress,
};
use crate::{
    audit::Act,
    db::DbError,
    definition::{Body, Definition, FieldError, START},
    id::FlowId,
    user::{Acting, Directory, User},
};

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error("the form has errors")]
    Invalid(Vec<FieldError>),
    #[error("{0}")]
    ContactMissing(ApplicationError),
    #[error("nobody could take a node of this flow")]
    Unassignable(Vec<FieldError>),
    #[error("the flow is not there")]
    NotFound,
    #[error("the flow is {0}: this cannot be done with it now")]
    NotRunning(FlowState),
    #[error("every node is passed: the flow waits to be archived")]
    PastTheLast,
    #[error("this is not your turn: the node waits for others")]
    NotAssigned,
    #[error("your turn comes when those before you have acted")]
    NotYet,
    #[error("you have acted at this node already")]
    ActedAlready,
    #[error("the flow has moved on meanwhile: look at it again")]
    MovedOn,
    #[error("a seal node completes by itself, when its photos are all here")]
    SealNode,
    #[error("only its starter does this")]
    NotStarter,
    #[error("the flow was not sent back: only then is it submitted again")]
    NotSentBack,
    #[error(transparent)]
    Refused(#[from] Refusal),
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

/// What somebody says with a step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opinion<'a> {
    pub comment: Option<&'a str>,
    /// The node they looked at: when the flow has left it meanwhile, nothing is done.
    pub node: Option<&'a str>,
}

/// Starts *and* submits a flow of `definition`.
pub async fn start(acting: Acting<'_>, definition: &Definition, form: &Form) -> Result<FlowId, StepError> {
    let Acting { db, user: starter, now } = acting;
    let (mut tx, body) = (db.begin().await?, &definition.body);
    let users = Directory::load(&mut tx).await?;
    submittable(body, form, starter, &users)?;
    let flow = Flow {
        id: FlowId::new(),
        serial_no: next_serial_no(&mut tx, now).await?,
        definition_id: definition.id.clone(),
        version: definition.version,
        title: title(body, form),
        starter: starter.username.clone(),
        state: FlowState::Running,
        node: Some(START.to_owned()),
        form: serde_json::Value::Object(form.clone()).to_string(),
        manifest_no: 0,
        round: 1,
        by_hand: false,
        created_at: now,
        updated_at: now,
        archived_at: None,
    };
    let flow = flow.insert(&mut tx).await?;
    people::started(&mut tx, &flow).await?;
    people::add(&mut tx, &flow.id, participants(&flow, body, form, &users)).await?;
    let submitted = NewEvent { actor: &starter.username, act: EventKind::Submitted, node: None, detail: None };
    event::record(&mut tx, &flow.id, submitted, now).await?;
    progress::leave(&mut tx, &flow, body, START, &users, now).await?;
    acting.commit_to_flow(tx, Act::FlowSubmitted, &flow.id, None).await?;
    Ok(flow.id.clone())
}

/// What cannot be passed or cannot become an application must not find out after three approvals.
fn submittable(body: &Body, form: &Form, starter: &User, users: &Directory) -> Result<(), StepError> {
    let errors = form::check(body, form, users);
    if !errors.is_empty() {
        return Err(StepError::Invalid(errors));
    }
    let stranded = unassignable(body, &starter.username, users);
    if !stranded.is_empty() {
        return Err(StepError::Unassignable(stranded));
    }
    if let Some(integration) = body.enabled_integration() {
        form::application(integration, form, starter, users)?;
    }
    Ok(())
}

fn title(body: &Body, form: &Form) -> String {
    let subject = body.integration.as_ref().and_then(|i| form.get(&i.subject_field)).and_then(|v| v.as_str());
    subject.filter(|subject| !subject.trim().is_empty()).unwrap_or(&body.name).to_owned()
}

/// Who takes part from the start: who approves or stamps, whoever the form names.
fn participants(flow: &Flow, body: &Body, form: &Form, users: &Directory) -> Vec<String> {
    let mut people = Vec::new();
    for assignee in body.nodes.iter().flat_map(|node| &node.assignees) {
        match assignee.as_str() {
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
