//! Whose turn it is: the people a node is assigned to, and those who approved it.

use std::collections::HashSet;

use super::Flow;
use crate::{
    db::{DbError, On, sql},
    definition::{Mode, Node},
    id::FlowId,
    user::{Directory, Role},
};

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
    let mut seen = HashSet::new();
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
