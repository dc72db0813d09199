//! What the audit log says of documents that one act changed.

use crate::{
    audit::{self, Act, NewEntry},
    db::{DbError, Tx},
    id::{DocumentId, FlowId},
    user::Acting,
};

/// What the audit log says of a document.
pub(super) struct ChangedDocument {
    pub(super) id: DocumentId,
    pub(super) flow: Option<FlowId>,
    pub(super) detail: String,
}

/// Records an act on each document, so that the audit log of a document or a flow has it.
pub(super) async fn record_each(
    tx: &mut Tx,
    acting: Acting<'_>,
    act: Act,
    changed: &[ChangedDocument],
) -> Result<(), DbError> {
    let entries: Vec<NewEntry<'_>> = changed
        .iter()
        .map(|document| {
            NewEntry::new(&acting.user.username, act, document.id.as_str())
                .of_flow_if(document.flow.as_ref())
                .detail(&document.detail)
        })
        .collect();
    audit::record_all(tx, &entries, acting.now).await
}
