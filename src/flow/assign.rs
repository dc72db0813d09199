//! Assigns a node to users and roles.

use std::collections::HashSet;

use crate::{
    definition::{Body, FieldError, Mode, Node, NodeKind},
    user::{Directory, Role, User},
};

/// The assignee of a flow that no user can take. An administrator transfers it.
const RESCUE: &str = "role:admin";

/// Returns the assignees of `node` in flows of `starter`, without repeats and in the order listed. The form is
/// `user:<username>`; where one assignee is enough, also `role:<role>`.
#[must_use]
pub fn assignees(node: &Node, body: &Body, starter: &str, users: &Directory) -> Vec<String> {
    let one_is_enough = mode(node, body) == Mode::Any;
    let mut seen = HashSet::new();
    let named = node.assignees.iter().flat_map(|assignee| resolve(assignee, starter, users, one_is_enough));
    let named = named.filter(|who| seen.insert(who.clone()));
    if body.bars_starter(node) { without(starter, named, users) } else { named.collect() }
}

/// Leaves out the starter. A role that the starter has becomes its other users.
fn without(starter: &str, named: impl Iterator<Item = String>, users: &Directory) -> Vec<String> {
    let name = format!("user:{starter}");
    let has = |who: &String| users.get(starter).is_some_and(|user| user.names_in_flows().contains(who));
    let expand = |who: String| if has(&who) { resolve(&who, starter, users, false) } else { vec![who] };
    let mut seen = HashSet::new();
    named.flat_map(expand).filter(|who| *who != name && seen.insert(who.clone())).collect()
}

/// How many assignees must act. A seal node completes without an approval, so any of its assignees may use the seal.
#[must_use]
pub fn mode(node: &Node, body: &Body) -> Mode {
    match node.kind {
        NodeKind::Seal if body.enabled_integration().is_some() => Mode::Any,
        _ => node.mode.unwrap_or(Mode::Any),
    }
}

/// Returns true if the assignees must act one after the other.
#[must_use]
pub fn one_by_one(node: &Node, body: &Body) -> bool {
    mode(node, body) == Mode::Sequence
}

/// As [`assignees`], but never empty, so that every flow waits for an assignee.
#[must_use]
pub fn assignees_or_rescue(node: &Node, body: &Body, starter: &str, users: &Directory) -> Vec<String> {
    let found = assignees(node, body, starter, users);
    if !found.is_empty() {
        return found;
    }
    let rescue = [RESCUE.to_owned()];
    let others = if body.bars_starter(node) { without(starter, rescue.clone().into_iter(), users) } else { Vec::new() };
    if others.is_empty() { rescue.to_vec() } else { others }
}

fn resolve(assignee: &str, starter: &str, users: &Directory, roles_stay: bool) -> Vec<String> {
    let person = |user: &User| format!("user:{}", user.username);
    match assignee.split_once(':') {
        Some(("user", name)) => users.get(name).map(person).into_iter().collect(),
        Some(("role", role)) => {
            let role = role.parse::<Role>().ok();
            let having = users.iter().filter(|user| role.is_some_and(|role| user.has(role)));
            let mut people: Vec<String> = having.map(person).collect();
            people.sort();
            if roles_stay && !people.is_empty() { vec![assignee.to_owned()] } else { people }
        }
        _ => manager_of(starter, users).map(person).into_iter().collect(),
    }
}

fn manager_of<'a>(starter: &str, users: &'a Directory) -> Option<&'a User> {
    users.get(users.get(starter)?.manager.as_ref()?)
}

/// Returns the nodes that no user can take if `starter` starts a flow now, each with what to do.
#[must_use]
pub fn unassignable(body: &Body, starter: &str, users: &Directory) -> Vec<FieldError> {
    let nodes = body.nodes.iter().enumerate();
    let stranded = nodes.filter(|(_, node)| assignees(node, body, starter, users).is_empty());
    let error = |(i, node): (usize, &Node)| {
        let barred = body.bars_starter(node);
        let reasons: Vec<String> =
            node.assignees.iter().map(|assignee| reason(assignee, starter, users, barred)).collect();
        let message = format!("no user can take the node {:?}: {}", node.name, reasons.join("; "));
        FieldError::new(format!("nodes[{i}].assignees"), message)
    };
    stranded.map(error).collect()
}

fn reason(assignee: &str, starter: &str, users: &Directory, barred: bool) -> String {
    if barred && !resolve(assignee, starter, users, false).is_empty() {
        return format!(
            "{assignee} is only {starter}, the starter, who may not approve the flow; add another assignee"
        );
    }
    match assignee.split_once(':') {
        Some(("user", name)) => {
            format!("the user {name} is disabled or does not exist; change the definition")
        }
        Some((_, role)) => format!("no user has the role {role}; give the role to a user"),
        None => match users.get(starter).and_then(|user| user.manager.as_ref()) {
            Some(manager) => {
                format!("{manager}, the manager of {starter}, is disabled; set another manager for {starter}")
            }
            None => format!("{starter} has no manager; set a manager for this user"),
        },
    }
}
