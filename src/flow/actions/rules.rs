//! The rules: who may do what, where.

use super::{
    Facts,
    Refusal::{self, NotNow, NotRunning, NotYours},
    UseFacts,
};
use crate::{
    definition::{Field, FieldType, Integration, Node, NodeKind},
    flow::FlowState,
};

/// The fields this user may change now, files fields among them.
#[must_use]
pub fn editable<'a>(facts: &Facts<'a>) -> Vec<&'a Field> {
    let (flow, body) = (facts.flow, facts.body);
    let starts = flow.starter == facts.user.username;
    let files = |field: &Field| field.field_type == FieldType::Files;
    // The photos' field is filled by the ingest alone.
    let photos = body.integration.as_ref().and_then(|integration| integration.download_field.as_deref());
    let stamped = body.integration.as_ref().and_then(|integration| integration.stamped_file_field.as_deref());
    let uploadable = |field: &Field| files(field) && photos != Some(field.key.as_str());
    let may = |field: &&Field| match (flow.state, facts.node()) {
        (FlowState::Archived | FlowState::Withdrawn, _) => false,
        (FlowState::Rejected, _) => {
            starts && (!files(field) || (uploadable(field) && stamped != Some(field.key.as_str())))
        }
        (FlowState::Running, Some(node)) => {
            let assigned = facts.turn
                && node
                    .editable
                    .as_ref()
                    .map_or_else(|| node.kind == NodeKind::Seal && uploadable(field), |keys| keys.contains(&field.key));
            // What is to be stamped can be added until it has been sent to the vendor.
            let early = starts
                && uploadable(field)
                && stamped != Some(field.key.as_str())
                && facts.seal_uses.iter().all(|used| used.superseded);
            assigned || early || (facts.user.is_admin() && uploadable(field))
        }
        (FlowState::Running, None) => (facts.turn || starts || facts.user.is_admin()) && uploadable(field),
    };
    body.fields.iter().filter(may).collect()
}

const NEVER_APPLIED: Refusal = NotNow("the vendor has no application for this flow yet");
const WITHOUT_PHOTOS: Refusal = NotNow("photos are missing: an administrator may archive without them");

impl Facts<'_> {
    fn node(&self) -> Option<&Node> {
        self.flow.node.as_deref().and_then(|key| self.body.node(key))
    }

    fn running(&self) -> Result<(), Refusal> {
        match self.flow.state {
            FlowState::Running => Ok(()),
            FlowState::Rejected => {
                Err(NotRunning("the flow was sent back to its starter; it goes on when they submit it"))
            }
            FlowState::Withdrawn => Err(NotRunning("the flow was withdrawn: start another one")),
            FlowState::Archived => Err(NotRunning("the flow is archived: it can only be read")),
        }
    }

    pub(super) fn at_node(&self) -> Result<&Node, Refusal> {
        self.running()?;
        self.node().ok_or(NotNow("every node is passed: the flow waits to be archived"))
    }

    pub(super) fn mine(&self) -> Result<(), Refusal> {
        if self.turn { Ok(()) } else { Err(NotYours("the node waits for others: it is not your turn")) }
    }

    pub(super) fn mine_or_admin(&self) -> Result<(), Refusal> {
        if self.user.is_admin() { Ok(()) } else { self.mine() }
    }

    /// Seal uses that a return has not ended.
    fn live(&self) -> impl Iterator<Item = &UseFacts> {
        self.seal_uses.iter().filter(|used| !used.superseded)
    }

    fn missing(&self) -> i64 {
        self.seal_uses.iter().map(|used| used.missing).sum()
    }

    /// Use has ended at the vendor for all of them.
    fn ended(&self) -> bool {
        self.live().next().is_some() && self.live().all(|used| used.status.ended())
    }

    pub(super) fn approve(&self) -> Result<(), Refusal> {
        let node = self.at_node()?;
        self.mine()?;
        if node.kind == NodeKind::Approval || self.body.enabled_integration().is_none() {
            return Ok(());
        }
        let complete = self.seal_uses.iter().filter(|used| used.gives_photos()).all(|used| used.complete);
        if self.flow.by_hand && complete && self.live().next().is_some() {
            return Ok(());
        }
        Err(NotNow("a seal node completes by itself, when use has ended and its photos are all here"))
    }

    pub(super) fn withdraw(&self) -> Result<(), Refusal> {
        if self.flow.starter != self.user.username && !self.user.is_admin() {
            return Err(NotYours("only its starter or an administrator may withdraw the flow"));
        }
        if self.flow.state == FlowState::Rejected { Ok(()) } else { self.at_node().map(|_| ()) }
    }

    pub(super) fn change(&self, files: bool) -> Result<(), Refusal> {
        if self.flow.state != FlowState::Rejected {
            self.running()?;
        }
        if editable(self).iter().any(|field| (field.field_type == FieldType::Files) == files) {
            return Ok(());
        }
        let starts = self.flow.starter == self.user.username;
        if self.turn || starts {
            return Err(NotNow("nothing can be changed here: the definition says on which node a field is editable"));
        }
        Err(NotYours("it is not your turn: only those for whom the flow waits may change its fields"))
    }

    fn integration(&self) -> Result<&Integration, Refusal> {
        self.body.enabled_integration().ok_or(NotNow("the definition does not use physical seals"))
    }

    /// The flow stands at one of the nodes at which the button shows.
    fn at_one_of(&self, nodes: &[String]) -> Result<(), Refusal> {
        let node = self.at_node()?;
        if nodes.contains(&node.key) {
            return Ok(());
        }
        Err(NotNow("not at this node: the integration configuration says on which nodes it can be done"))
    }

    /// One of the nodes is behind the flow, or it goes no further.
    fn has_left_one_of(&self, nodes: &[String]) -> bool {
        if self.flow.state != FlowState::Running {
            return !nodes.is_empty();
        }
        let left = self.body.nodes.iter().map(|node| &node.key).take_while(|key| self.flow.node.as_ref() != Some(*key));
        left.into_iter().any(|key| nodes.contains(key))
    }

    fn at_vendor(&self) -> Result<(), Refusal> {
        if self.live().any(|used| used.at_vendor) {
            return Ok(());
        }
        Err(NEVER_APPLIED)
    }

    /// By those whose turn it is. Also after use has ended: then the seal use is in use again.
    pub(super) fn append(&self) -> Result<(), Refusal> {
        self.at_one_of(&self.integration()?.append_nodes)?;
        self.mine_or_admin()?;
        self.at_vendor()
    }

    /// Finish: by those whose turn it is, while stampings can be made.
    pub(super) fn at_box(&self, nodes: impl Fn(&Integration) -> &Vec<String>) -> Result<(), Refusal> {
        self.at_one_of(nodes(self.integration()?))?;
        self.mine_or_admin()?;
        self.at_vendor()?;
        if self.live().any(UseFacts::open) { Ok(()) } else { Err(NotNow("use has ended: nothing is open any more")) }
    }

    pub(super) fn code(&self) -> Result<(), Refusal> {
        self.at_one_of(&self.integration()?.code_nodes)?;
        if !self.stamps {
            self.mine_or_admin()?;
        }
        self.at_vendor()?;
        if self.live().any(UseFacts::open) { Ok(()) } else { Err(NotNow("use has ended: the codes open nothing")) }
    }

    pub(super) fn detail(&self) -> Result<(), Refusal> {
        let integration = self.integration()?;
        if !self.user.reads_all() {
            self.at_one_of(&integration.detail_nodes)?;
            if !self.turn && !self.stamps && self.flow.starter != self.user.username {
                return Err(NotYours("seal-use details are for those who stamp and those whose turn it is"));
            }
        }
        if self.seal_uses.iter().any(|used| used.at_vendor) {
            return Ok(());
        }
        Err(NEVER_APPLIED)
    }

    pub(super) fn photos(&self) -> Result<(), Refusal> {
        let integration = self.integration()?;
        if integration.download_field.is_some() {
            return Err(NotNow("the photos go to the download field: collect them there"));
        }
        if !self.has_left_one_of(&integration.download_nodes) {
            self.at_one_of(&integration.download_nodes)?;
            if !self.stamps {
                self.mine_or_admin()?;
            }
            return self.at_vendor();
        }
        // The node is passed as soon as the photos are here: whoever takes part may have them ever after.
        if !self.takes_part && !self.user.is_admin() {
            return Err(NotYours("the photos are for those who take part in the flow"));
        }
        if self.seal_uses.iter().any(|used| used.at_vendor) { Ok(()) } else { Err(NEVER_APPLIED) }
    }

    pub(super) fn collect(&self) -> Result<(), Refusal> {
        let integration = self.integration()?;
        if integration.download_field.is_none() {
            return Err(NotNow("the definition names no field for photos: download them to your machine"));
        }
        self.at_one_of(&integration.download_nodes)?;
        if !self.stamps {
            self.mine_or_admin()?;
        }
        self.at_vendor()
    }

    pub(super) fn archive(&self) -> Result<(), Refusal> {
        self.running()?;
        let starts = self.flow.starter == self.user.username;
        if !starts {
            self.mine_or_admin()?;
        }
        match self.node() {
            None if self.missing() == 0 || self.user.is_admin() => {}
            None => return Err(WITHOUT_PHOTOS),
            Some(node) => {
                let last = self.body.node_after(&node.key).is_none();
                if !(last && node.kind == NodeKind::Seal && self.ended()) {
                    return Err(NotNow("the flow has nodes to pass before it can be archived"));
                }
                if !self.user.is_admin() {
                    let left = NotNow("its seal node is still to be left: that completes by itself, or is approved");
                    return Err(if self.missing() > 0 { WITHOUT_PHOTOS } else { left });
                }
            }
        }
        if self.files_owed {
            return Err(NotNow("a required files field is still empty: upload its file first"));
        }
        Ok(())
    }
}
