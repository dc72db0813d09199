//! What a user may do with a flow now. One set of rules, used to show the buttons and to refuse the rest.

mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use rules::editable;

use super::Flow;
use crate::{definition::Body, seal_use::SealUseStatus, user::User, vocabulary::words};

words! {
    /// What can be done with a flow.
    Action {
        Approve = "approve",
        /// Send it back to an earlier node or to its starter.
        Reject = "reject",
        /// Take it back for good.
        Withdraw = "withdraw",
        /// Hand one's turn to somebody else.
        Transfer = "transfer",
        /// Change form fields; for the starter of a returned flow also: submit it again.
        Edit = "edit",
        /// View seal codes.
        Code = "code",
        /// View the details of seal use.
        Detail = "detail",
        /// Download the photos to the own machine.
        Photos = "photos",
        /// Bring the photos into the download field.
        Collect = "collect",
        /// Append uses.
        Append = "append",
        /// End seal use.
        Finish = "finish",
        /// Upload into a files field.
        Upload = "upload",
        Archive = "archive",
        /// Download the evidence package.
        Evidence = "evidence",
    }
}

/// Why an action is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Others may do it.
    #[error("{0}")]
    NotYours(&'static str),
    /// The flow does not stand there; says what would make it possible.
    #[error("{0}")]
    NotNow(&'static str),
    /// The flow goes no further, or not before its starter submits it again.
    #[error("{0}")]
    NotRunning(&'static str),
}

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts, each true or not by itself")]
pub struct Facts<'a> {
    pub user: &'a User,
    pub flow: &'a Flow,
    pub body: &'a Body,
    /// The flow waits for this user now.
    pub turn: bool,
    /// The flow names this user, or one of their roles.
    pub takes_part: bool,
    /// A grant of a seal use is this user's.
    pub stamps: bool,
    pub seal_uses: &'a [UseFacts],
    /// A required files field is empty: the archive waits for it.
    pub files_owed: bool,
}

/// What the rules look at in a seal use.
#[derive(Clone, Copy, Debug)]
pub struct UseFacts {
    pub status: SealUseStatus,
    /// The vendor has it: its business id is known.
    pub at_vendor: bool,
    /// A return of the flow ended it; another one takes its place.
    pub superseded: bool,
    /// Photos still owed.
    pub missing: i64,
    /// Use has ended and every photo is here.
    pub complete: bool,
}

impl UseFacts {
    /// Photos may come of it.
    fn gives_photos(&self) -> bool {
        !self.superseded || self.at_vendor
    }

    /// Stampings can be made.
    fn open(&self) -> bool {
        self.at_vendor && !self.superseded && !self.status.ended()
    }
}

/// Everything this user may do now.
#[must_use]
pub fn actions(facts: &Facts<'_>) -> BTreeSet<Action> {
    Action::ALL.iter().copied().filter(|action| check(facts, *action).is_ok()).collect()
}

/// Whether this user may do it now, and why not.
pub fn check(facts: &Facts<'_>, action: Action) -> Result<(), Refusal> {
    match action {
        Action::Approve => facts.approve(),
        Action::Reject => facts.at_node().and_then(|_| facts.mine()),
        Action::Transfer => facts.at_node().and_then(|_| facts.mine_or_admin()),
        Action::Withdraw => facts.withdraw(),
        Action::Edit => facts.change(false),
        Action::Upload => facts.change(true),
        Action::Code => facts.code(),
        Action::Detail => facts.detail(),
        Action::Photos => facts.photos(),
        Action::Collect => facts.collect(),
        Action::Append => facts.append(),
        Action::Finish => facts.at_box(|integration| &integration.finish_nodes),
        Action::Archive => facts.archive(),
        Action::Evidence => Err(Refusal::NotNow("evidence packages are not made yet")),
    }
}
