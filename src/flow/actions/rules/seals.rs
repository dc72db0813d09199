//! The rules of the buttons of a flow with seals: codes, details, photos, more uses, the end of use.

use std::collections::HashSet;

use super::{
    super::{Facts, Refusal, UseFacts},
    NEVER_APPLIED, not_yours,
};
use Refusal::{NotNow, NotYours};

impl Facts<'_> {
    /// Append: for users whose turn it is. After use has ended, appending opens the seal use again.
    pub(in crate::flow::actions) fn append(&self) -> Result<(), Refusal> {
        self.at_one_of(&self.integration()?.append_nodes)?;
        self.has_turn_or_admin()?;
        self.at_vendor()
    }

    /// Finish: for users whose turn it is, while a seal use is open.
    pub(in crate::flow::actions) fn finish(&self) -> Result<(), Refusal> {
        self.at_one_of(&self.integration()?.finish_nodes)?;
        self.has_turn_or_admin()?;
        self.at_vendor()?;
        if self.live().any(UseFacts::open) {
            Ok(())
        } else {
            Err(NotNow("every seal use of the flow has ended already"))
        }
    }

    /// Code: for people with an open grant that has a code.
    pub(in crate::flow::actions) fn code(&self) -> Result<(), Refusal> {
        self.at_one_of(&self.integration()?.code_nodes)?;
        self.at_vendor()?;
        if !self.live().any(UseFacts::open) {
            return Err(NotNow("every seal use of the flow has ended, so its codes open no seal"));
        }
        let grants = || self.live().flat_map(|used| &used.grants).filter(|grant| grant.code);
        if grants().next().is_none() {
            return Err(NotNow("no open grant of the flow has a code"));
        }
        let theirs = |username: Option<&String>| username == Some(&self.user.username);
        if self.user.is_admin() || grants().any(|grant| theirs(grant.username.as_ref())) {
            return Ok(());
        }
        let mut seen = HashSet::new();
        let names: Vec<&str> = grants().map(|grant| grant.name.as_str()).filter(|name| seen.insert(*name)).collect();
        Err(NotYours(
            format!("you have no open grant; the codes are those of {}; ask one of them", names.join(", ")).into(),
        ))
    }

    pub(in crate::flow::actions) fn detail(&self) -> Result<(), Refusal> {
        let integration = self.integration()?;
        if !(self.user.reads_all() || self.over() && self.takes_part) {
            self.at_one_of(&integration.detail_nodes)?;
            if !self.turn && !self.stamps() && self.flow.starter != self.user.username {
                return Err(not_yours(
                    "only the starter, seal users and users with a turn may read seal-use details; ask one of them",
                ));
            }
        }
        if self.seal_uses.iter().any(|used| used.at_vendor) {
            return Ok(());
        }
        Err(NEVER_APPLIED)
    }

    pub(in crate::flow::actions) fn photos(&self) -> Result<(), Refusal> {
        let integration = self.integration()?;
        if integration.download_field.is_some() {
            return Err(NotNow("the photos go to the download field; collect them there"));
        }
        let left = self.over() || self.has_left_one_of(&integration.download_nodes) || self.has_superseded_use();
        if !left && !self.user.reads_all() {
            self.at_one_of(&integration.download_nodes)?;
            if !self.stamps() {
                self.has_turn()?;
            }
            return self.at_vendor();
        }
        // The flow leaves the node as soon as all photos are stored. After that, every participant may download them.
        if !self.takes_part && !self.user.reads_all() {
            return Err(not_yours("only participants of the flow may download its photos; ask a participant"));
        }
        if self.seal_uses.iter().any(|used| used.at_vendor) { Ok(()) } else { Err(NEVER_APPLIED) }
    }

    pub(in crate::flow::actions) fn collect(&self) -> Result<(), Refusal> {
        let integration = self.integration()?;
        if integration.download_field.is_none() {
            return Err(NotNow("the definition has no download field; download the photos to your machine"));
        }
        self.at_one_of(&integration.download_nodes)?;
        if !self.stamps() {
            self.has_turn_or_admin()?;
        }
        self.at_vendor()
    }
}
