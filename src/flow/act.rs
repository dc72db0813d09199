//! An act of a person on a flow leaves three traces: an event of the flow, "has acted", an entry of the audit log.

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
    /// The id of the thing that was acted on.
    pub subject: &'a str,
    pub detail: &'a str,
}

impl FlowAct<'_> {
    /// Writes the three traces and commits the transaction. The audit log takes turns, so its entry is the last write.
    pub async fn commit(self, mut tx: Tx, flow: &FlowId, now: Timestamp) -> Result<(), DbError> {
        let Self { username, event, act, subject, detail } = self;
        event::record(&mut tx, flow, NewEvent { actor: username, act: event, node: None, detail: Some(detail) }, now)
            .await?;
        people::acted(&mut tx, flow, username).await?;
        audit::commit(tx, NewEntry::new(username, act, subject).of_flow(flow).detail(detail), now).await
    }
}
