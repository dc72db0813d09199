//! Photos that users supplied by hand. They are linked like any other photo, before the request to the vendor.

use super::{
    IngestError,
    link::{self, Arrival, Identity},
    pass::Pass,
};
use crate::content::store_original::StoredContent;
use crate::{
    original::Original,
    photo::{Source, kind::PhotoKind},
    picture::inspect::inspect,
    seal_use::delivery::Dispatch,
    store::StoreKey,
};

pub(super) async fn take_in_supplied(pass: &Pass) -> Result<(), IngestError> {
    for supplied in &pass.supplied {
        if let Some(arrival) = arrival(pass, supplied).await? {
            link::link(pass, vec![arrival]).await?;
            continue;
        }
        let mut tx = pass.lease.begin(pass.db()).await?;
        Dispatch::mark_linked(&mut tx, &supplied.id, pass.id(), pass.app.clock.now()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Arrives as the first occurrence of its content, so a photo that the seal use already has is not doubled.
async fn arrival(pass: &Pass, supplied: &Dispatch) -> Result<Option<Arrival>, IngestError> {
    let Some(original) = Original::find(pass.db(), &supplied.original_hash).await? else {
        return Ok(None);
    };
    let app = &pass.app;
    let _budget = app.bounds.bytes(u64::try_from(original.bytes).unwrap_or(0)).await;
    let bytes = app.store.get(&StoreKey::Raw(original.store_key.clone())).await?;
    let exif_at = app.cpu.run(0, move || inspect(&bytes).exif.map(|exif| exif.at)).await?;
    let kind = supplied.photo_kind.as_deref().and_then(|kind| kind.parse().ok()).unwrap_or(PhotoKind::Signatory);
    let identity = Identity::Keyless {
        kind,
        grant: supplied.grant_id.clone(),
        source: Source::Supply,
        occurrence: 1,
        supplied: Some(Box::new(supplied.clone())),
    };
    let content = StoredContent { original, exif_at, received_at: supplied.created_at, unlinked: None };
    Ok(Some(Arrival { content, identity }))
}
