//! A user's act on a flow leaves three traces: an event of the flow, a "has acted" row and an entry of the audit log.

use super::{
    event::{self, EventKind, NewEvent},
    people,
};
use crate::{
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    db::{DbError, Tx},
    id::FlowId,
};

#[derive(Clone, Copy, Debug)]
pub struct FlowAct<'a> {
    pub username: &'a str,
    pub event: EventKind,
    pub act: Act,
    /// Id of the thing that the act changed.
    pub subject: &'a str,
    pub detail: &'a str,
}

impl FlowAct<'_> {
    /// Writes the three traces and commits the transaction. Writers of the audit log lock its end, so its entry is the
    /// last write.
    pub async fn commit(self, mut tx: Tx, flow: &FlowId, now: Timestamp) -> Result<(), DbError> {
        let Self { username, event, act, subject, detail } = self;
        event::record(&mut tx, flow, NewEvent { actor: username, act: event, node: None, detail: Some(detail) }, now)
            .await?;
        people::acted(&mut tx, flow, username).await?;
        audit::commit(tx, NewEntry::new(username, act, subject).of_flow(flow).detail(detail), now).await
    }
}
