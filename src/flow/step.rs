//! The steps of a flow that people take: it is started, and approved from node to node.

use super::{
    Flow, FlowState,
    assign::{approvals, waits_for},
    event::{self, Happened},
    form::{self, ApplicationError, Form},
    next_serial_no,
};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx, sql},
    definition::{ArchiveMode, Body, Definition, FieldError, Mode, NodeKind},
    dispatch,
    id::{FlowId, SealUseId},
    job::{self, JobKind},
    seal_use::{SealUse, SealUseStatus},
    user::{Directory, User},
};

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error("the form has errors")]
    Invalid(Vec<FieldError>),
    #[error("{0}")]
    ContactMissing(ApplicationError),
    #[error("the flow is not there")]
    NotFound,
    #[error("the flow is {0}: nothing can be done with it any more")]
    NotRunning(FlowState),
    #[error("this is not your turn: the node waits for others")]
    NotAssigned,
    #[error("you have approved this node already")]
    ApprovedAlready,
    #[error("a seal node completes by itself, when its photos are all here")]
    SealNode,
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<ApplicationError> for StepError {
    fn from(error: ApplicationError) -> Self {
        match error {
            ApplicationError::Invalid(errors) => Self::Invalid(errors),
            missing @ ApplicationError::ContactMissing => Self::ContactMissing(missing),
        }
    }
}

/// Starts *and* submits a flow of `definition`.
pub async fn start(
    tx: &mut Tx,
    definition: &Definition,
    form: &Form,
    starter: &User,
    now: Timestamp,
) -> Result<FlowId, StepError> {
    let body = &definition.body;
    let users = Directory::load(&mut *tx).await?;
    let errors = form::check(body, form, &users);
    if !errors.is_empty() {
        return Err(StepError::Invalid(errors));
    }
    let subject = body.integration.as_ref().and_then(|i| form.get(&i.subject_field)).and_then(|v| v.as_str());
    if let Some(integration) = body.enabled_integration() {
        // What cannot become an application must not find out after three approvals.
        form::application(integration, form, starter, &users)?;
    }
    let flow = Flow {
        id: FlowId::new(),
        serial_no: next_serial_no(tx, now).await?,
        definition_id: definition.id.clone(),
        version: definition.version,
        title: subject.unwrap_or(&body.name).to_owned(),
        starter: starter.username.clone(),
        state: FlowState::Running,
        node: body.nodes.first().map(|node| node.key.clone()),
        form: serde_json::Value::Object(form.clone()).to_string(),
        photo_no: 0,
        manifest_no: 0,
        round: 1,
        by_hand: false,
        created_at: now,
        updated_at: now,
        archived_at: None,
    };
    flow.insert(tx).await?;
    Flow::add_people(tx, &flow.id, people(&flow, body, form, &users)).await?;
    let happened = Happened { actor: &starter.username, act: "submitted", ..Happened::default() };
    event::record(tx, &flow.id, happened, now).await?;
    if body.enabled_integration().is_some_and(|integration| integration.apply_node == "start") {
        apply(tx, &flow, body, now).await?;
    }
    Ok(flow.id)
}

/// Who takes part from the start: the starter, who approves or stamps, whoever the form names.
fn people(flow: &Flow, body: &Body, form: &Form, users: &Directory) -> Vec<String> {
    let mut people = vec![format!("user:{}", flow.starter)];
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

/// `user` approves the node at which the flow stands. Answers whether the node is passed by it.
pub async fn approve(
    tx: &mut Tx,
    id: &FlowId,
    user: &User,
    comment: Option<&str>,
    now: Timestamp,
) -> Result<bool, StepError> {
    let flow = Flow::lock(tx, id).await?.ok_or(StepError::NotFound)?;
    if flow.state != FlowState::Running {
        return Err(StepError::NotRunning(flow.state));
    }
    let body = Definition::version(&mut *tx, &flow.definition_id, flow.version).await?.body;
    let node = flow.node.as_deref().and_then(|key| body.node(key)).ok_or(StepError::NotAssigned)?;
    if node.kind == NodeKind::Seal && body.enabled_integration().is_some() {
        return Err(StepError::SealNode);
    }
    let users = Directory::load(&mut *tx).await?;
    let approved = approvals(&mut *tx, id, &node.key).await?;
    if approved.contains(&user.username) {
        return Err(StepError::ApprovedAlready);
    }
    if !waits_for(node, &flow, &users, &approved).contains(&user.username) {
        return Err(StepError::NotAssigned);
    }
    sql("INSERT INTO approvals (flow_id, node, username, at, comment) VALUES ($1, $2, $3, $4, $5)")
        .bind(id)
        .bind(&node.key)
        .bind(&user.username)
        .bind(now)
        .bind(comment)
        .execute(&mut *tx)
        .await?;
    let happened = Happened { actor: &user.username, act: "approved", node: Some(&node.key), detail: comment };
    event::record(tx, id, happened, now).await?;
    let approved = approvals(&mut *tx, id, &node.key).await?;
    let passed = node.mode.unwrap_or(Mode::Any) == Mode::Any || waits_for(node, &flow, &users, &approved).is_empty();
    if passed {
        leave(tx, &flow, &body, &node.key, now).await?;
    }
    Ok(passed)
}

/// Leaves `node` for the next one; past the last, an `auto` flow is archived by a job.
pub(super) async fn leave(tx: &mut Tx, flow: &Flow, body: &Body, node: &str, now: Timestamp) -> Result<(), DbError> {
    if body.enabled_integration().is_some_and(|integration| integration.apply_node == node) {
        apply(tx, flow, body, now).await?;
    }
    let next = body.node_after(node).map(|node| node.key.as_str());
    flow.move_to(tx, next, now).await?;
    if dispatch::sends_after(body, node) {
        dispatch::stamped(tx, &flow.id, body, now).await?;
    }
    if next.is_none() && archives_itself(body) {
        job::wake(tx, JobKind::Archive, flow.id.as_str(), now, now).await?;
    }
    Ok(())
}

pub(super) fn archives_itself(body: &Body) -> bool {
    body.integration.as_ref().is_none_or(|integration| integration.archive == ArchiveMode::Auto)
}

/// Makes the seal use, and the job that asks the vendor, in the transaction that makes them due.
async fn apply(tx: &mut Tx, flow: &Flow, body: &Body, now: Timestamp) -> Result<(), DbError> {
    let Some(integration) = body.enabled_integration() else {
        return Ok(());
    };
    let users = Directory::load(&mut *tx).await?;
    let form: Form = serde_json::from_str(&flow.form).map_err(|error| DbError::Decode(error.into()))?;
    let starter = users.get(&flow.starter).ok_or(DbError::RowNotFound)?;
    let application = form::application(integration, &form, starter, &users);
    let no: i64 = sql("SELECT COUNT(*) + 1 FROM seal_uses WHERE flow_id = $1").bind(&flow.id).scalar(&mut *tx).await?;
    let id = SealUseId::new();
    let serial_no = if no == 1 { flow.serial_no.clone() } else { format!("{}-{no}", flow.serial_no) };
    let (text, status) = match &application {
        Ok(application) => (serde_json::to_string(application), SealUseStatus::Applying),
        // A user lost the contact since submission: shown as failed, with the reason; nothing is lost.
        Err(_) => (Ok("{}".to_owned()), SealUseStatus::Failed),
    };
    let seal_use = SealUse {
        id: id.clone(),
        flow_id: flow.id.clone(),
        service_id: integration.service_id.clone(),
        no,
        serial_no,
        business_id: None,
        status,
        application: text.map_err(|error| DbError::Encode(error.into()))?,
        asked_at: None,
        detail: None,
        detail_at: None,
        ended_at: None,
        error: None,
        created_at: now,
    };
    seal_use.insert(tx).await?;
    match application {
        Ok(_) => job::wake(tx, JobKind::Apply, id.as_str(), now, now).await,
        Err(error) => SealUse::not_applied(tx, &id, SealUseStatus::Failed, &error.to_string()).await,
    }
}
