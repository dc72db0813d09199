//! What a user may do with a flow now. The same rules list the possible actions and refuse the others.

mod rules;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeSet};

pub use rules::{editable, editable_at};

use super::Flow;
use crate::{
    definition::{Body, Field},
    seal_use::{Grant, PhotoCounts, SealUse, SealUseStatus},
    user::User,
    vocabulary::words,
};

words! {
    /// An action on a flow.
    Action {
        Approve = "approve",
        /// Send the flow back to an earlier node or to its starter.
        Reject = "reject",
        /// Withdraw the flow. A withdrawn flow cannot run again.
        Withdraw = "withdraw",
        /// Hand the own turn to another user.
        Transfer = "transfer",
        /// Change form fields. The starter of a draft or of a flow that was sent back may also submit it.
        Edit = "edit",
        /// View seal codes.
        Code = "code",
        /// View the details of the seal uses.
        Detail = "detail",
        /// Download the photos to the own machine.
        Photos = "photos",
        /// Fetch the photos into the download field.
        Collect = "collect",
        /// Append uses to a seal use.
        Append = "append",
        /// End the seal uses at the vendor.
        Finish = "finish",
        /// Upload into a files field.
        Upload = "upload",
        Archive = "archive",
        /// Download the evidence package.
        Evidence = "evidence",
    }
}

/// Why an action is not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Other users may do it.
    #[error("{0}")]
    NotYours(Cow<'static, str>),
    /// The flow is at another place. The text says what makes the action possible.
    #[error("{0}")]
    NotNow(&'static str),
    /// The flow is archived or withdrawn, or waits until its starter submits it again.
    #[error("{0}")]
    NotRunning(&'static str),
    /// The flow cannot be archived because photos are missing.
    #[error("photos are missing; supply them, or ask an administrator to archive without them")]
    PhotosMissing,
    /// The flow cannot be archived because a required files field is empty.
    #[error("a required files field is empty; upload its file")]
    FilesMissing,
    /// The definition wants another person than the starter.
    #[error("the starter may not approve this flow; wait for another assignee")]
    OwnApproval,
    /// No user approves a seal node.
    #[error("a seal node needs no approval; wait until seal use has ended and all photos are stored")]
    SealNode,
    /// The flow was not sent back to its starter.
    #[error("only a draft or a flow that was sent back to its starter can be submitted")]
    NotSentBack,
}

/// The facts that the rules read.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts, each true or not by itself")]
pub struct Facts<'a> {
    pub user: &'a User,
    pub flow: &'a Flow,
    pub body: &'a Body,
    /// The flow waits for this user now, and the definition does not bar them from the node.
    pub turn: bool,
    /// The flow waits for this user, or waited for this user when it was archived.
    pub place: bool,
    /// The flow names this user or one of their roles.
    pub takes_part: bool,
    /// The starter is disabled.
    pub starter_gone: bool,
    pub seal_uses: &'a [UseFacts],
    /// The required files fields that are empty, so the flow cannot be archived.
    pub owed_fields: Vec<&'a Field>,
    /// A required template or file field is empty, so the apply node cannot be passed.
    pub application_owed: bool,
    /// A user has approved a node in the present round.
    pub approved: bool,
}

/// The facts of one seal use that the rules read.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts, each true or not by itself")]
pub struct UseFacts {
    pub status: SealUseStatus,
    /// The vendor has the seal use: its business id is known.
    pub at_vendor: bool,
    /// A return of the flow ended this seal use, and another one replaces it.
    pub superseded: bool,
    /// Number of photos that are missing.
    pub missing: i64,
    /// Use has ended and every photo is stored.
    pub complete: bool,
    /// A stamping was counted, or a photo is stored.
    pub evidence: bool,
    pub grants: Vec<GrantFacts>,
}

/// The facts of one grant that the rules read.
#[derive(Clone, Debug)]
pub struct GrantFacts {
    pub username: Option<String>,
    /// The person's name, for messages.
    pub name: String,
    /// The grant is open and has a code.
    pub code: bool,
}

impl UseFacts {
    /// `names`: the display names of users. A person who is no user has the vendor's name.
    #[must_use]
    pub fn of(
        seal_use: &SealUse,
        photos: &PhotoCounts,
        grants: &[Grant],
        names: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let of_grant = |grant: &Grant| GrantFacts {
            username: grant.username.clone(),
            name: grant.username.as_deref().and_then(&names).unwrap_or_else(|| grant.user_name.clone()),
            code: seal_use.is_open() && grant.is_open() && grant.code.is_some(),
        };
        Self {
            status: seal_use.status,
            at_vendor: seal_use.business_id.is_some(),
            superseded: seal_use.superseded,
            missing: photos.sum.missing,
            complete: photos.complete(seal_use),
            evidence: photos.evidence,
            grants: grants.iter().map(of_grant).collect(),
        }
    }

    /// Returns true if photos of this seal use can exist.
    fn gives_photos(&self) -> bool {
        !self.superseded || self.at_vendor
    }

    /// Returns true if the seal can still be used.
    fn open(&self) -> bool {
        self.at_vendor && !self.superseded && !self.status.ended()
    }
}

/// Returns every action that this user may do now.
#[must_use]
pub fn actions(facts: &Facts<'_>) -> BTreeSet<Action> {
    Action::ALL.iter().copied().filter(|action| check(facts, *action).is_ok()).collect()
}

/// Returns true if the user started the flow and the definition keeps starters from this node.
#[must_use]
pub fn is_barred(flow: &Flow, body: &Body, user: &User) -> bool {
    let node = flow.node.as_deref().and_then(|key| body.node(key));
    flow.starter == user.username && node.is_some_and(|node| body.bars_starter(node))
}

/// Checks that this user may submit the flow again now. Fails with the reason.
pub fn check_submit(flow: &Flow, user: &User) -> Result<(), Refusal> {
    rules::submit(flow, user)
}

/// Checks that this user may have the flow's evidence now. Fails with the reason.
pub fn check_evidence(flow: &Flow, takes_part: bool, user: &User) -> Result<(), Refusal> {
    rules::evidence(flow, takes_part, user)
}

/// Checks that a user may comment on the flow now. Fails with the reason.
pub fn check_comment(flow: &Flow) -> Result<(), Refusal> {
    rules::comment(flow)
}

/// Checks that this user may do `action` now. Fails with the reason.
pub fn check(facts: &Facts<'_>, action: Action) -> Result<(), Refusal> {
    match action {
        Action::Approve => facts.approve(),
        Action::Reject => facts.at_node().and_then(|_| facts.not_own()).and_then(|()| facts.has_turn()),
        Action::Transfer => facts.transfer(),
        Action::Withdraw => facts.withdraw(),
        Action::Edit => facts.change(false),
        Action::Upload => facts.change(true),
        Action::Code => facts.code(),
        Action::Detail => facts.detail(),
        Action::Photos => facts.photos(),
        Action::Collect => facts.collect(),
        Action::Append => facts.append(),
        Action::Finish => facts.finish(),
        Action::Archive => facts.archive(),
        Action::Evidence => facts.evidence(),
    }
}
