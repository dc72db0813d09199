//! Assigns a node to users and roles.

use std::collections::HashSet;

use serde_json::Value;

use super::form::Form;
use crate::{
    definition::{Body, FieldError, Mode, Node, NodeKind},
    user::{Directory, Role, User},
};

/// The assignee of a flow that no user can take. An administrator transfers it.
const RESCUE: &str = "role:admin";

/// For whom a node waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// `user:<username>` or `role:<role>`, in the order of their turns.
    pub order: Vec<String>,
    /// Nobody could be assigned, so the administrators have the flow.
    pub rescued: bool,
}

impl Assigned {
    /// Assigns one user.
    #[must_use]
    pub fn to_user(username: &str) -> Self {
        Self { order: vec![format!("user:{username}")], rescued: false }
    }

    /// Adds those who are not assigned yet.
    pub fn add(&mut self, more: impl Iterator<Item = String>) {
        for who in more {
            if !self.order.contains(&who) {
                self.order.push(who);
            }
        }
    }
}

/// What decides the assignees of the nodes of a flow.
#[derive(Clone, Copy, Debug)]
pub struct Casting<'a> {
    pub body: &'a Body,
    /// The values of the fields that name people.
    pub form: &'a Form,
    /// Username.
    pub starter: &'a str,
    pub users: &'a Directory,
}

impl Casting<'_> {
    /// Returns the assignees of `node`, without repeats and in the order listed. The form is `user:<username>`; where
    /// one assignee is enough, also `role:<role>`.
    #[must_use]
    pub fn assignees(&self, node: &Node) -> Vec<String> {
        let one_is_enough = mode(node, self.body) == Mode::Any;
        let mut seen = HashSet::new();
        let named = node.assignees.iter().flat_map(|assignee| self.resolve(assignee, one_is_enough));
        let named = named.filter(|who| seen.insert(who.clone()));
        if self.body.bars_starter(node) { self.without_starter(named) } else { named.collect() }
    }

    /// As [`assignees`](Self::assignees), but never empty, so that every flow waits for an assignee.
    #[must_use]
    pub fn assigned(&self, node: &Node) -> Assigned {
        let found = self.assignees(node);
        if !found.is_empty() {
            return Assigned { order: found, rescued: false };
        }
        let rescue = [RESCUE.to_owned()];
        let bars = self.body.bars_starter(node);
        let others = if bars { self.without_starter(rescue.clone().into_iter()) } else { Vec::new() };
        Assigned { order: if others.is_empty() { rescue.to_vec() } else { others }, rescued: true }
    }

    /// Leaves out the starter. A role that the starter has becomes its other users.
    fn without_starter(&self, named: impl Iterator<Item = String>) -> Vec<String> {
        let name = format!("user:{}", self.starter);
        let has = |who: &String| self.users.get(self.starter).is_some_and(|user| user.names_in_flows().contains(who));
        let expand = |who: String| if has(&who) { self.resolve(&who, false) } else { vec![who] };
        let mut seen = HashSet::new();
        named.flat_map(expand).filter(|who| *who != name && seen.insert(who.clone())).collect()
    }

    /// Returns the people that an assignee stands for. Disabled users are left out.
    fn resolve(&self, assignee: &str, roles_stay: bool) -> Vec<String> {
        let users = self.users;
        let person = |user: &User| format!("user:{}", user.username);
        match assignee.split_once(':') {
            Some(("user", name)) => users.get(name).map(person).into_iter().collect(),
            Some(("field", key)) => {
                people_in(self.form, key).into_iter().filter_map(|name| users.get(name)).map(person).collect()
            }
            Some(("role", role)) => {
                let role = role.parse::<Role>().ok();
                let having = users.iter().filter(|user| role.is_some_and(|role| user.has(role)));
                let mut people: Vec<String> = having.map(person).collect();
                people.sort();
                if roles_stay && !people.is_empty() { vec![assignee.to_owned()] } else { people }
            }
            _ => self.manager().map(person).into_iter().collect(),
        }
    }

    fn manager(&self) -> Option<&User> {
        self.users.get(self.users.get(self.starter)?.manager.as_ref()?)
    }

    /// Returns the nodes that no user can take if the starter starts a flow now, each with what to do. A field that a
    /// person may still fill in at an earlier node can name somebody later.
    #[must_use]
    pub fn unassignable(&self) -> Vec<FieldError> {
        let nodes = self.body.nodes.iter().enumerate();
        let stranded =
            nodes.filter(|(i, node)| self.assignees(node).is_empty() && !self.may_be_filled_in_before(*i, node));
        let error = |(i, node): (usize, &Node)| {
            let barred = self.body.bars_starter(node);
            let reasons: Vec<String> = node.assignees.iter().map(|assignee| self.reason(assignee, barred)).collect();
            let message = format!("no user can take the node {:?}: {}", node.name, reasons.join("; "));
            FieldError::new(format!("nodes[{i}].assignees"), message)
        };
        stranded.map(error).collect()
    }

    fn may_be_filled_in_before(&self, at: usize, node: &Node) -> bool {
        let fields = node.assignees.iter().filter_map(|assignee| assignee.strip_prefix("field:"));
        let mut fields = fields.map(|key| key.split('.').next().unwrap_or(key));
        let earlier = &self.body.nodes[..at];
        let editable =
            |field: &str| earlier.iter().flat_map(|node| node.editable.iter().flatten()).any(|key| key == field);
        fields.any(editable)
    }

    fn reason(&self, assignee: &str, barred: bool) -> String {
        let starter = self.starter;
        if barred && !self.resolve(assignee, false).is_empty() {
            return format!(
                "{assignee} is only {starter}, the starter, who may not approve the flow; add another assignee"
            );
        }
        match assignee.split_once(':') {
            Some(("user", name)) => {
                format!("the user {name} is disabled or does not exist; change the definition")
            }
            Some(("field", key)) => format!("the field {key} names no user; fill it in"),
            Some((_, role)) => format!("no user has the role {role}; give the role to a user"),
            None => match self.users.get(starter).and_then(|user| user.manager.as_ref()) {
                Some(manager) => {
                    format!("{manager}, the manager of {starter}, is disabled; set another manager for {starter}")
                }
                None => format!("{starter} has no manager; set a manager for this user"),
            },
        }
    }
}

/// Returns the usernames in the field `key`, or in the column `table.column` of all rows.
#[must_use]
pub fn people_in<'f>(form: &'f Form, key: &str) -> Vec<&'f str> {
    let values: Vec<&Value> = match key.split_once('.') {
        Some((table, column)) => {
            let rows = form.get(table).and_then(Value::as_array).into_iter().flatten();
            rows.filter_map(|row| row.get(column)).collect()
        }
        None => form.get(key).into_iter().collect(),
    };
    let names = values.into_iter().flat_map(|value| match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>(),
        other => other.as_str().into_iter().collect(),
    });
    names.filter(|name| !name.trim().is_empty()).collect()
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
