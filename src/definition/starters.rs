//! Which users may start flows of a definition.

use super::{Body, FieldError};
use crate::user::{Directory, Role, User};

/// Why a user starts no flow of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartRefusal {
    #[error("the definition is retired; choose another definition")]
    Retired,
    #[error("the definition does not let you start flows; ask an administrator")]
    NotAStarter,
}

impl Body {
    /// Checks that `user` may start a flow of this definition now. Fails with the reason.
    pub fn check_start(&self, user: &User) -> Result<(), StartRefusal> {
        if self.retired {
            return Err(StartRefusal::Retired);
        }
        if self.is_starter(user) { Ok(()) } else { Err(StartRefusal::NotAStarter) }
    }

    /// Returns true if the definition lets `user` be the starter of its flows.
    #[must_use]
    pub fn is_starter(&self, user: &User) -> bool {
        match &self.starters {
            Some(starters) => user.names_in_flows().iter().any(|name| starters.contains(name)),
            None => user.roles.0.iter().any(|role| *role != Role::Auditor),
        }
    }
}

/// Returns the errors in the list of starters.
pub(super) fn check(body: &Body, users: &Directory) -> Vec<FieldError> {
    let at = |i: usize| format!("starters[{i}]");
    let Some(starters) = &body.starters else { return Vec::new() };
    if starters.is_empty() {
        let message = "names no starter; add user:<name> or role:<role>, or set `retired`";
        return vec![FieldError::new("starters", message)];
    }
    let error = |(i, starter): (usize, &String)| match starter.split_once(':') {
        Some(("user", name)) if users.get(name).is_some() => None,
        Some(("user", name)) => {
            let message = format!("there is no user {name:?}, or the user is disabled; name another user");
            Some(FieldError::new(at(i), message))
        }
        Some(("role", role)) if role.parse::<Role>().is_ok() => None,
        _ => Some(FieldError::new(at(i), format!("{starter:?} is no starter; write user:<name> or role:<role>"))),
    };
    starters.iter().enumerate().filter_map(error).collect()
}
