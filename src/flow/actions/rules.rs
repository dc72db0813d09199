//! The rules: which user may do which action in which state of a flow.

mod seals;

use std::borrow::Cow;

use super::{
    Facts,
    Refusal::{self, NotNow, NotRunning, NotYours},
    UseFacts, is_barred,
};
use crate::{
    definition::{Body, Field, FieldType, Integration, Node, NodeKind},
    flow::{Flow, FlowState, progress::position},
    user::User,
};

/// Returns the fields that this user may change now, files fields included.
#[must_use]
pub fn editable<'a>(facts: &Facts<'a>) -> Vec<&'a Field> {
    let (flow, body) = (facts.flow, facts.body);
    let starts = flow.starter == facts.user.username;
    let may = |field: &&Field| match (flow.state, facts.node()) {
        (FlowState::Withdrawn, _) => false,
        // The stamped file may be added late. It supplements the archive.
        (FlowState::Archived, _) => (facts.place || starts || facts.user.is_admin()) && body.is_stamped_file(field),
        (FlowState::Draft | FlowState::Rejected, _) => {
            starts && (!files(field) || (uploadable(body, field) && !body.is_stamped_file(field)))
        }
        (FlowState::Running, node) if body.goes_to_vendor(field) => facts.may_change_application(node, field),
        (FlowState::Running, Some(node)) => {
            let assigned = facts.turn && editable_at(body, node, field);
            // The starter may add other files until the application is sent to the vendor.
            let early = starts
                && uploadable(body, field)
                && !body.is_stamped_file(field)
                && facts.seal_uses.iter().all(|used| used.superseded);
            assigned || early || (facts.user.is_admin() && uploadable(body, field))
        }
        (FlowState::Running, None) => (facts.turn || starts || facts.user.is_admin()) && uploadable(body, field),
    };
    body.fields.iter().filter(may).collect()
}

fn files(field: &Field) -> bool {
    field.field_type == FieldType::Files
}

/// Returns true if users may upload into the field. Only the ingest fills the field of the photos.
fn uploadable(body: &Body, field: &Field) -> bool {
    let photos = body.integration.as_ref().and_then(|integration| integration.download_field.as_deref());
    files(field) && photos != Some(field.key.as_str())
}

/// Returns true if the users whose turn it is at this node may change the field.
#[must_use]
pub fn editable_at(body: &Body, node: &Node, field: &Field) -> bool {
    match &node.editable {
        Some(keys) => keys.contains(&field.key),
        None => node.kind == NodeKind::Seal && body.is_stamped_file(field),
    }
}

/// Checks that the user may submit the flow. Only the starter of a draft or of a flow that was sent back may do this.
pub(super) fn submit(flow: &Flow, user: &User) -> Result<(), Refusal> {
    if flow.starter != user.username {
        return Err(not_yours("only the starter may submit the flow again; ask the starter"));
    }
    match flow.state {
        FlowState::Draft | FlowState::Rejected => Ok(()),
        FlowState::Running => Err(Refusal::NotSentBack),
        FlowState::Withdrawn => Err(WITHDRAWN),
        FlowState::Archived => Err(ARCHIVED),
    }
}

/// A draft has no evidence. A draft that was withdrawn was never submitted.
pub(super) fn evidence(flow: &Flow, takes_part: bool, user: &User) -> Result<(), Refusal> {
    match flow.state {
        FlowState::Draft => Err(DRAFT),
        FlowState::Withdrawn if flow.serial_no.is_empty() => Err(WITHDRAWN),
        _ if takes_part || user.reads_all() => Ok(()),
        _ => Err(not_yours("only participants of the flow may download its evidence; ask a participant")),
    }
}

/// Checks that a user may comment on the flow. A draft and an archived flow take no comments.
pub(super) fn comment(flow: &Flow) -> Result<(), Refusal> {
    match flow.state {
        FlowState::Draft => Err(DRAFT),
        FlowState::Archived => Err(ARCHIVED),
        FlowState::Running | FlowState::Rejected | FlowState::Withdrawn => Ok(()),
    }
}

fn not_yours(why: &'static str) -> Refusal {
    NotYours(why.into())
}

const DRAFT: Refusal = NotRunning("the flow is a draft; submit it first");

const WITHDRAWN: Refusal = NotRunning("the flow was withdrawn; start a new flow");
const ARCHIVED: Refusal = NotRunning("the flow is archived and can only be read");
const LATE: Refusal = NotYours(Cow::Borrowed(
    "only the starter, administrators and the users of the nodes that edit the stamped file may add one to the archive; ask one of them",
));
const NEVER_APPLIED: Refusal =
    NotNow("the vendor has no seal use of this flow yet; wait for its answer to the application");

impl Facts<'_> {
    fn node(&self) -> Option<&Node> {
        self.flow.node.as_deref().and_then(|key| self.body.node(key))
    }

    /// Returns true if the starter has the flow: as a draft, or sent back.
    fn is_with_starter(&self) -> bool {
        matches!(self.flow.state, FlowState::Draft | FlowState::Rejected)
    }

    /// Returns true if this user may change a template or file field of a running flow. What was approved is what is
    /// stamped: after the first approval only a user with the turn changes them, where the node lists them. No user
    /// changes them after the application has left.
    fn may_change_application(&self, node: Option<&Node>, field: &Field) -> bool {
        let Some(node) = node.filter(|_| !self.application_left()) else { return false };
        let first = self.body.nodes.first().is_some_and(|first| first.key == node.key);
        let owns = self.flow.starter == self.user.username || self.user.is_admin();
        (self.turn && editable_at(self.body, node, field)) || (owns && first && !self.approved)
    }

    /// Returns true if the running flow has passed its apply node.
    fn application_left(&self) -> bool {
        let Some(integration) = self.body.enabled_integration() else { return false };
        let node = self.flow.node.as_deref();
        node.is_none_or(|node| position(self.body, node) > position(self.body, &integration.apply_node))
    }

    fn running(&self) -> Result<(), Refusal> {
        match self.flow.state {
            FlowState::Running => Ok(()),
            FlowState::Draft => Err(DRAFT),
            FlowState::Rejected => Err(NotRunning("the flow was sent back; wait until its starter submits it again")),
            FlowState::Withdrawn => Err(WITHDRAWN),
            FlowState::Archived => Err(ARCHIVED),
        }
    }

    pub(super) fn at_node(&self) -> Result<&Node, Refusal> {
        self.running()?;
        self.node().ok_or(NotNow("the flow has passed its last node; archive it"))
    }

    /// Checks that the definition does not bar the user as the starter. A turn does not help.
    pub(super) fn not_own(&self) -> Result<(), Refusal> {
        if is_barred(self.flow, self.body, self.user) { Err(Refusal::OwnApproval) } else { Ok(()) }
    }

    pub(super) fn has_turn(&self) -> Result<(), Refusal> {
        if self.turn { Ok(()) } else { Err(not_yours("it is not your turn; wait until the flow waits for you")) }
    }

    pub(super) fn has_turn_or_admin(&self) -> Result<(), Refusal> {
        if self.user.is_admin() { Ok(()) } else { self.has_turn() }
    }

    /// Returns the seal uses that no return of the flow has ended.
    fn live(&self) -> impl Iterator<Item = &UseFacts> {
        self.seal_uses.iter().filter(|used| !used.superseded)
    }

    fn missing(&self) -> i64 {
        self.seal_uses.iter().map(|used| used.missing).sum()
    }

    /// Returns true if the flow has a live seal use and use has ended at the vendor for all of them.
    fn ended(&self) -> bool {
        self.live().next().is_some() && self.live().all(|used| used.status.ended())
    }

    /// Returns true if a grant of the flow belongs to the user.
    fn stamps(&self) -> bool {
        let grants = self.seal_uses.iter().flat_map(|used| &used.grants);
        grants.filter_map(|grant| grant.username.as_ref()).any(|name| *name == self.user.username)
    }

    /// Returns true if use has ended and no stamp was made: no stamping is counted and no photo is known.
    pub(crate) fn ends_without_stamp(&self) -> bool {
        self.ended() && self.seal_uses.iter().all(|used| !used.evidence)
    }

    /// Returns true if a required files field is empty. Without a stamp, there is no stamped file and no photo.
    fn files_owed(&self) -> bool {
        if !self.ends_without_stamp() {
            return !self.owed_fields.is_empty();
        }
        let of_stamps =
            self.body.integration.as_ref().map(|i| [i.stamped_file_field.as_ref(), i.download_field.as_ref()]);
        let of_stamps: Vec<&String> = of_stamps.into_iter().flatten().flatten().collect();
        self.owed_fields.iter().any(|field| !of_stamps.contains(&&field.key))
    }

    /// An administrator may also hand on a flow that was sent back to a starter who left.
    pub(super) fn transfer(&self) -> Result<(), Refusal> {
        if self.flow.state == FlowState::Rejected && self.starter_gone && self.user.is_admin() {
            return Ok(());
        }
        self.at_node()?;
        self.has_turn_or_admin()
    }

    pub(super) fn approve(&self) -> Result<(), Refusal> {
        let node = self.at_node()?;
        self.not_own()?;
        self.has_turn()?;
        let applies = self.body.enabled_integration().is_some_and(|i| i.apply_node == node.key);
        if applies && self.application_owed {
            return Err(Refusal::FilesMissing);
        }
        if node.kind == NodeKind::Approval || self.body.enabled_integration().is_none() {
            return Ok(());
        }
        let complete = self.seal_uses.iter().filter(|used| used.gives_photos()).all(|used| used.complete);
        if self.flow.by_hand && complete && self.live().next().is_some() {
            return Ok(());
        }
        Err(Refusal::SealNode)
    }

    pub(super) fn withdraw(&self) -> Result<(), Refusal> {
        if self.flow.starter != self.user.username && !self.user.is_admin() {
            return Err(not_yours("only the starter or an administrator may withdraw the flow; ask one of them"));
        }
        if !self.is_with_starter() {
            self.at_node()?;
        }
        if self.seal_uses.iter().any(|used| used.evidence) && !self.user.is_admin() {
            return Err(not_yours("a stamping was made, so only an administrator may withdraw the flow; ask one"));
        }
        Ok(())
    }

    pub(super) fn change(&self, of_files: bool) -> Result<(), Refusal> {
        let late =
            self.flow.state == FlowState::Archived && self.body.fields.iter().any(|f| self.body.is_stamped_file(f));
        if of_files && late {
            return if editable(self).is_empty() { Err(LATE) } else { Ok(()) };
        }
        if !self.is_with_starter() {
            self.running()?;
            // The starter and administrators may upload without a turn. Other fields change only in the own turn.
            if !of_files {
                self.at_node()?;
                self.has_turn()?;
            }
        }
        if editable(self).iter().any(|field| files(field) == of_files) {
            return Ok(());
        }
        let starts = self.flow.starter == self.user.username;
        if self.turn || starts {
            return Err(NotNow(
                "no such field is editable at this node; see `editable` of the nodes in the definition",
            ));
        }
        Err(not_yours("it is not your turn to change fields; wait until the flow waits for you"))
    }

    fn integration(&self) -> Result<&Integration, Refusal> {
        self.body
            .enabled_integration()
            .ok_or(NotNow("the definition does not use physical seals; choose another definition"))
    }

    /// Checks that the flow is at one of the nodes that show the button.
    fn at_one_of(&self, nodes: &[String]) -> Result<(), Refusal> {
        let node = self.at_node()?;
        if nodes.contains(&node.key) {
            return Ok(());
        }
        Err(NotNow("this action is not possible at this node; see the node lists of the integration configuration"))
    }

    /// Returns true if the flow is archived or withdrawn. Its participants then read it, whatever the node lists name.
    fn over(&self) -> bool {
        matches!(self.flow.state, FlowState::Archived | FlowState::Withdrawn)
    }

    /// Returns true if the flow has left one of the nodes. A flow that does not run has left all of them.
    fn has_left_one_of(&self, nodes: &[String]) -> bool {
        if self.flow.state != FlowState::Running {
            return !nodes.is_empty();
        }
        let left = self.body.nodes.iter().map(|node| &node.key).take_while(|key| self.flow.node.as_ref() != Some(*key));
        left.into_iter().any(|key| nodes.contains(key))
    }

    /// Returns true if a return superseded a seal use that the vendor has. Participants keep access to its photos.
    fn has_superseded_use(&self) -> bool {
        self.seal_uses.iter().any(|used| used.superseded && used.at_vendor)
    }

    fn at_vendor(&self) -> Result<(), Refusal> {
        if self.live().any(|used| used.at_vendor) {
            return Ok(());
        }
        Err(NEVER_APPLIED)
    }

    /// A user who sees the flow may download its documents, so also its evidence.
    pub(super) fn evidence(&self) -> Result<(), Refusal> {
        evidence(self.flow, self.takes_part, self.user)
    }

    pub(super) fn archive(&self) -> Result<(), Refusal> {
        self.running()?;
        let starts = self.flow.starter == self.user.username;
        if !starts {
            self.has_turn_or_admin()?;
        }
        match self.node() {
            None if self.missing() == 0 || self.user.is_admin() => {}
            None => return Err(Refusal::PhotosMissing),
            Some(node) => self.archive_at(node)?,
        }
        if self.files_owed() {
            return Err(Refusal::FilesMissing);
        }
        Ok(())
    }

    /// At a seal node, the people of the node end a flow without a stamp. At the last node, an administrator archives it
    /// without its missing photos.
    fn archive_at(&self, node: &Node) -> Result<(), Refusal> {
        if node.kind == NodeKind::Seal && self.ends_without_stamp() {
            return self.has_turn_or_admin();
        }
        let last = self.body.node_after(&node.key).is_none();
        if !(last && node.kind == NodeKind::Seal && self.ended()) {
            return Err(NotNow("the flow has not passed its last node; pass the remaining nodes first"));
        }
        if self.user.is_admin() {
            return Ok(());
        }
        Err(match (self.missing(), self.files_owed()) {
            (1.., _) => Refusal::PhotosMissing,
            (_, true) => Refusal::FilesMissing,
            _ => NotNow("the flow has not left its seal node; wait until the node completes, or approve it"),
        })
    }
}
