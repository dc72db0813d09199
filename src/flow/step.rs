//! The steps of a flow: it is started, approved from node to node, settles when its seals' photos are all here.

use super::{
    Flow, FlowState,
    event::{self, Happened, YINKU},
    form::{self, ApplicationError, Form},
    next_serial_no,
};
use crate::{
    clock::Timestamp,
    db::{DbError, On, Tx, sql},
    definition::{ArchiveMode, Body, Definition, FieldError, Mode, Node, NodeKind},
    id::{FlowId, SealUseId},
    job::{self, JobKind},
    photo::Photo,
    seal_use::{Grant, SealUse, SealUseStatus, counts},
    user::{Directory, Role, User},
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
async fn leave(tx: &mut Tx, flow: &Flow, body: &Body, node: &str, now: Timestamp) -> Result<(), DbError> {
    if body.enabled_integration().is_some_and(|integration| integration.apply_node == node) {
        apply(tx, flow, body, now).await?;
    }
    let next = body.node_after(node).map(|node| node.key.as_str());
    flow.move_to(tx, next, now).await?;
    if next.is_none() && archives_itself(body) {
        job::wake(tx, JobKind::Archive, flow.id.as_str(), now, now).await?;
    }
    Ok(())
}

fn archives_itself(body: &Body) -> bool {
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

/// A seal node completes by itself: every seal use has ended with at least one stamp, and nothing is missing.
/// Called in the transaction of every change that may make it so. Answers whether the flow moved.
pub async fn settle(tx: &mut Tx, id: &FlowId, now: Timestamp) -> Result<bool, DbError> {
    let Some(flow) = Flow::lock(tx, id).await? else {
        return Ok(false);
    };
    if flow.state == FlowState::Archived {
        supplement(tx, &flow, now).await?;
        return Ok(false);
    }
    let body = Definition::version(&mut *tx, &flow.definition_id, flow.version).await?.body;
    let Some(node) = flow.node.as_deref().and_then(|key| body.node(key)) else {
        if flow.state == FlowState::Running && archives_itself(&body) {
            job::wake(tx, JobKind::Archive, id.as_str(), now, now).await?;
        }
        return Ok(false);
    };
    if flow.state != FlowState::Running || node.kind != NodeKind::Seal || !all_here(tx, id).await? {
        return Ok(false);
    }
    let happened = Happened { actor: YINKU, act: "completed", node: Some(&node.key), detail: None };
    event::record(tx, id, happened, now).await?;
    leave(tx, &flow, &body, &node.key, now).await?;
    Ok(true)
}

/// An archived flow that got another document is given another manifest: never a silent change.
async fn supplement(tx: &mut Tx, flow: &Flow, now: Timestamp) -> Result<(), DbError> {
    let recorded: i64 = sql("SELECT COALESCE(MAX(documents), 0) FROM manifests WHERE flow_id = $1")
        .bind(&flow.id)
        .scalar(&mut *tx)
        .await?;
    let present: i64 = sql("SELECT COUNT(*) FROM documents WHERE flow_id = $1").bind(&flow.id).scalar(&mut *tx).await?;
    if present > recorded {
        job::wake(tx, JobKind::Archive, flow.id.as_str(), now, now).await?;
    }
    Ok(())
}

async fn all_here(tx: &mut Tx, flow: &FlowId) -> Result<bool, DbError> {
    let seal_uses = SealUse::of_flow(&mut *tx, flow).await?;
    for seal_use in &seal_uses {
        if !seal_use.status.ended() {
            return Ok(false);
        }
        let grants = Grant::of_seal_use(&mut *tx, &seal_use.id).await?;
        let (_, sum) = counts::count(&grants, &counts::tally(&mut *tx, &seal_use.id).await?);
        let stamped = sum.counted > 0 || sum.received > 0;
        if !stamped || sum.missing > 0 || Photo::unsettled(&mut *tx, &seal_use.id).await? {
            return Ok(false);
        }
    }
    Ok(!seal_uses.is_empty())
}

/// The usernames that a node still waits for, given who approved; `any` waits for whoever comes first.
#[must_use]
pub fn waits_for(node: &Node, flow: &Flow, users: &Directory, approved: &[String]) -> Vec<String> {
    let assigned = assignees(node, flow, users);
    let open = assigned.into_iter().filter(|name| !approved.contains(name));
    match node.mode.unwrap_or(Mode::Any) {
        Mode::Any if !approved.is_empty() => Vec::new(),
        Mode::Any | Mode::All => open.collect(),
        Mode::Sequence => open.take(1).collect(),
    }
}

/// The usernames a node is assigned to, in the order listed, each once.
fn assignees(node: &Node, flow: &Flow, users: &Directory) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for assignee in &node.assignees {
        let mut found: Vec<String> = match assignee.split_once(':') {
            Some(("user", name)) => users.get(name).map(|user| user.username.clone()).into_iter().collect(),
            Some(("role", role)) => role.parse::<Role>().map_or_else(
                |_| Vec::new(),
                |role| users.iter().filter(|user| user.has(role)).map(|user| user.username.clone()).collect(),
            ),
            _ => users.get(&flow.starter).and_then(|starter| starter.manager.clone()).into_iter().collect(),
        };
        found.sort();
        names.extend(found);
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

pub async fn approvals(on: impl Into<On<'_>>, flow: &FlowId, node: &str) -> Result<Vec<String>, DbError> {
    sql("SELECT username FROM approvals WHERE flow_id = $1 AND node = $2 ORDER BY at, username")
        .bind(flow)
        .bind(node)
        .scalars(on)
        .await
}
