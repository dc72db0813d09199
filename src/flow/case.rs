//! One flow, locked by the current transaction, with all data that the rules read.

use super::{
    FlowState, LockedFlow,
    actions::{self, Action, Facts, Refusal, UseFacts},
    approval,
    people::{self, People},
    progress, required_files,
};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx},
    definition::{Body, Definition, Node},
    flow::Flow,
    id::FlowId,
    seal_use::{Grant, PhotoCounts, SealUse},
    user::{Directory, User},
};

#[derive(Debug)]
pub struct Case {
    pub flow: LockedFlow,
    pub body: Body,
    pub people: People,
    pub users: Directory,
}

/// The data that the rules read besides the case itself.
struct Known {
    seal_uses: Vec<UseFacts>,
    starter_gone: bool,
    /// Keys of the required files fields that are empty.
    owed: Vec<String>,
    application_owed: bool,
    approved: bool,
}

impl Case {
    /// Locks the flow and reads its definition, people and users. `None` if the flow does not exist or `user` may not
    /// see it.
    pub async fn lock(tx: &mut Tx, id: &FlowId, user: &User) -> Result<Option<Self>, DbError> {
        let Some(flow) = Flow::lock(tx, id).await? else { return Ok(None) };
        let people = People::of(&mut *tx, id).await?;
        if !flow.is_visible_to(user, &people) {
            return Ok(None);
        }
        let body = Definition::version(&mut *tx, &flow.definition_id, flow.version).await?.body;
        let users = Directory::load(&mut *tx).await?;
        Ok(Some(Self { flow, body, people, users }))
    }

    /// Returns the decision of the rules: may `user` do `action` now?
    pub async fn check(&self, tx: &mut Tx, user: &User, action: Action) -> Result<Result<(), Refusal>, DbError> {
        let known = self.known(tx).await?;
        Ok(actions::check(&self.facts(user, &known), action))
    }

    /// Returns the keys of the fields that `user` may change now.
    pub async fn editable(&self, tx: &mut Tx, user: &User) -> Result<Vec<String>, DbError> {
        let known = self.known(tx).await?;
        Ok(actions::editable(&self.facts(user, &known)).into_iter().map(|field| field.key.clone()).collect())
    }

    async fn known(&self, tx: &mut Tx) -> Result<Known, DbError> {
        let mut seal_uses = Vec::new();
        for seal_use in SealUse::of_flow(&mut *tx, &self.flow.id).await? {
            let photos = PhotoCounts::of(tx, &seal_use.id).await?;
            let grants = Grant::of_seal_use(&mut *tx, &seal_use.id).await?;
            let names = |name: &str| self.users.get(name).map(|user| user.display_name.clone());
            seal_uses.push(UseFacts::of(&seal_use, &photos, &grants, names));
        }
        let empty = required_files::empty(&mut *tx, &self.flow.id, &self.body).await?;
        Ok(Known {
            seal_uses,
            starter_gone: self.users.get(&self.flow.starter).is_none(),
            application_owed: empty.iter().any(|field| self.body.goes_to_vendor(field)),
            approved: approval::any_in_round(&mut *tx, &self.flow).await?,
            owed: empty.into_iter().map(|field| field.key.clone()).collect(),
        })
    }

    /// Returns true if a stamping was counted or a photo is stored.
    pub async fn has_evidence(&self, tx: &mut Tx) -> Result<bool, DbError> {
        for seal_use in SealUse::of_flow(&mut *tx, &self.flow.id).await? {
            if PhotoCounts::of(tx, &seal_use.id).await?.evidence {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns true if the flow waits for the user now and the definition does not bar them.
    #[must_use]
    pub fn has_turn(&self, user: &User) -> bool {
        self.people.has_turn(user) && !actions::is_barred(&self.flow, &self.body, user)
    }

    fn facts<'a>(&'a self, user: &'a User, known: &'a Known) -> Facts<'a> {
        Facts {
            user,
            flow: &self.flow,
            body: &self.body,
            turn: self.has_turn(user),
            place: self.people.has_place(user),
            takes_part: self.people.takes_part(user),
            starter_gone: known.starter_gone,
            seal_uses: &known.seal_uses,
            owed_fields: self.body.fields.iter().filter(|field| known.owed.contains(&field.key)).collect(),
            application_owed: known.application_owed,
            approved: known.approved,
        }
    }

    /// Returns the node where the flow is. `None` before the first node and after the last.
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        self.flow.node.as_deref().and_then(|key| self.body.node(key))
    }

    /// Moves the flow behind its last node.
    pub async fn leave_nodes(&self, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
        self.flow.move_to(tx, None, now).await?;
        progress::wait_for_archive(tx, &self.flow, &self.body, &self.users).await
    }

    /// Returns true if use has ended and no stamp was made.
    pub async fn ends_without_stamp(&self, tx: &mut Tx, user: &User) -> Result<bool, DbError> {
        let known = self.known(tx).await?;
        Ok(self.facts(user, &known).ends_without_stamp())
    }

    /// Adds the flow to the user's list of handled flows. The starter's own flow is in the list of started flows
    /// instead.
    pub async fn mark_acted(&self, tx: &mut Tx, user: &User) -> Result<(), DbError> {
        if self.flow.starter == user.username {
            return Ok(());
        }
        people::acted(tx, &self.flow.id, &user.username).await
    }

    /// Returns true if the flow runs and is at another node than `looked_at`.
    #[must_use]
    pub fn has_left(&self, looked_at: Option<&str>) -> bool {
        self.flow.state == FlowState::Running && looked_at.is_some() && looked_at != self.flow.node.as_deref()
    }
}
