//! The files to be stamped. They are sent to the vendor before the application, which refers to them by the vendor's
//! ids.

use futures::StreamExt;

use super::ApplyError;
use crate::{
    app::App,
    definition::Integration,
    flow::Flow,
    id::FlowId,
    library::document::Document,
    provider::{Client, ToStamp},
    queue::Lease,
    seal_use::{SealUse, sent_document},
    store::{StoreError, StoreKey},
};

/// Returns the vendor's ids of the documents to be stamped, in order. Files sent by an earlier run are not sent
/// again.
pub(super) async fn send(
    app: &App,
    lease: &Lease,
    client: &Client,
    seal_use: &SealUse,
    integration: &Integration,
) -> Result<Vec<String>, ApplyError> {
    let mut ids = Vec::new();
    for document in to_stamp(app, &seal_use.flow_id, integration).await? {
        match sent_document::vendor_id(&app.db, &seal_use.id, &document.id).await? {
            Some(id) => ids.push(id),
            None => ids.extend(send_one(app, lease, client, seal_use, &document).await?),
        }
    }
    Ok(ids)
}

async fn to_stamp(app: &App, flow: &FlowId, integration: &Integration) -> Result<Vec<Document>, ApplyError> {
    let fields = [&integration.template_field, &integration.file_field];
    let wanted =
        |document: &Document| document.field_key.is_some() && fields.iter().any(|field| **field == document.field_key);
    Ok(Document::of_flow(&app.db, flow).await?.into_iter().filter(wanted).collect())
}

/// Returns `None` if a user took the document out of its field meanwhile.
async fn send_one(
    app: &App,
    lease: &Lease,
    client: &Client,
    seal_use: &SealUse,
    document: &Document,
) -> Result<Option<String>, ApplyError> {
    let reading = app.store.get_stream(&StoreKey::Raw(document.store_key.clone()), None).await?;
    let mut tx = lease.begin(&app.db).await?;
    Flow::lock(&mut tx, &seal_use.flow_id).await?.ok_or(ApplyError::NoSealUse)?;
    if !sent_document::mark_sending(&mut tx, &seal_use.id, &document.id, app.clock.now()).await? {
        return Ok(None);
    }
    tx.commit().await?;
    let title = document.name.rsplit_once('.').map_or(document.name.as_str(), |(stem, _)| stem).to_owned();
    let answer = client
        .create_document::<StoreError>(ToStamp {
            title,
            file_name: document.name.clone(),
            mime: document.mime.clone(),
            bytes: reading.stored.bytes,
            stream: reading.stream.boxed(),
        })
        .await;
    let mut tx = lease.begin(&app.db).await?;
    match answer {
        Ok(id) => {
            sent_document::record(&mut tx, &seal_use.id, &document.id, &id, app.clock.now()).await?;
            tx.commit().await?;
            Ok(Some(id))
        }
        Err(error) => {
            if error.surely_never_arrived() || error.surely_refused() {
                sent_document::not_sent(&mut tx, &seal_use.id, &document.id).await?;
                tx.commit().await?;
            }
            Err(error.into())
        }
    }
}
