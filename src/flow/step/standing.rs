//! A flow while somebody acts on it: locked, with what decides whether they may.

use super::StepError;
use crate::{
    db::{DbError, Tx},
    definition::{Body, Definition, Node},
    flow::{
        Flow, FlowState, LockedFlow, approval, assign,
        people::{self, People},
    },
    id::FlowId,
    user::{Directory, User},
};

pub(super) struct Standing {
    pub(super) flow: LockedFlow,
    pub(super) body: Body,
    pub(super) people: People,
    pub(super) users: Directory,
}

impl Standing {
    pub(super) async fn lock(tx: &mut Tx, id: &FlowId) -> Result<Self, StepError> {
        let flow = Flow::lock(tx, id).await?.ok_or(StepError::NotFound)?;
        let body = Definition::version(&mut *tx, &flow.definition_id, flow.version).await?.body;
        let people = People::of(&mut *tx, id).await?;
        let users = Directory::load(&mut *tx).await?;
        Ok(Self { flow, body, people, users })
    }

    /// The node at which the running flow stands; the one that was looked at, if the caller says which.
    pub(super) fn node(&self, looked_at: Option<&str>) -> Result<&Node, StepError> {
        if self.flow.state != FlowState::Running {
            return Err(StepError::NotRunning(self.flow.state));
        }
        if looked_at.is_some() && looked_at != self.flow.node.as_deref() {
            return Err(StepError::MovedOn);
        }
        self.flow.node.as_deref().and_then(|key| self.body.node(key)).ok_or(StepError::PastTheLast)
    }

    /// Whoever does something with somebody else's flow has handled it; a starter's own is among those they started.
    pub(super) async fn acted(&self, tx: &mut Tx, user: &User) -> Result<(), DbError> {
        if self.flow.starter == user.username {
            return Ok(());
        }
        people::acted(tx, &self.flow.id, &user.username).await
    }

    /// It is the turn of `user` at `node`; if it is not, why.
    pub(super) async fn turn_of(&self, tx: &mut Tx, node: &Node, user: &User) -> Result<(), StepError> {
        if self.people.has_turn(user) {
            return Ok(());
        }
        if self.people.comes_later(user) {
            return Err(StepError::NotYet);
        }
        let names = user.names_in_flows();
        let assigned = |node: &Node| {
            let assignees = assign::assignees(node, &self.body, &self.flow.starter, &self.users);
            assignees.iter().any(|who| names.contains(who))
        };
        if assigned(node) || approval::given(&mut *tx, &self.flow, &node.key, user).await? {
            return Err(StepError::ActedAlready);
        }
        let passed = self.body.nodes.iter().take_while(|earlier| earlier.key != node.key);
        if self.people.has_acted(user) || passed.into_iter().any(assigned) {
            return Err(StepError::MovedOn);
        }
        Err(StepError::NotAssigned)
    }
}
