//! Fetches one photo by its key: streamed, hashed on arrival, bounded.

use super::{IngestError, pass::Pass};
use crate::content::store_original::Fetched;
use crate::{
    hash::Hasher,
    photo::Photo,
    picture::inspect::{NotAnImage, not_an_image},
    provider::{
        ProviderError,
        error::short,
        retry::{Backoff, retry_if},
    },
};

/// Returns the bytes. `None` if all tries of this pass failed; the failure and the time of the next pass are
/// recorded.
pub(super) async fn by_key(pass: &Pass, photo: &Photo) -> Result<Option<Fetched>, IngestError> {
    let key = photo.photokey.as_deref().unwrap_or_default();
    // A refusal can pass, too: the photo may not exist there yet. So every kind of failure is retried.
    let outcome = retry_if(
        &Backoff::default(),
        |_| true,
        |_| one_try(pass, key),
        |_, error| async move {
            if let Err(error) = note_failed_try(pass, photo, &error).await {
                tracing::warn!(%error, photo = %photo.id, "cannot record a failed try");
            }
        },
    )
    .await;
    match outcome {
        Ok(fetched) => Ok(Some(fetched)),
        Err(error) => {
            tracing::warn!(photo = %photo.id, %error, "photo not fetched");
            pass.app.metrics.photos_failed.inc();
            end_pass(pass, photo).await?;
            Ok(None)
        }
    }
}

async fn one_try(pass: &Pass, key: &str) -> Result<Fetched, ProviderError> {
    let app = &pass.app;
    let limit = app.config.ingest.max_photo_bytes.get();
    let _places = app.bounds.photo(&pass.seal_use.service_id).await;
    app.metrics.photos_in_flight.inc();
    let fetched = async {
        let body = pass.client.image(key).await?;
        let budget = app.bounds.bytes(body.declared.unwrap_or(limit).min(limit)).await;
        let mut hasher = Hasher::default();
        let bytes = body.collect(limit, |chunk| hasher.update(chunk)).await?;
        if let Some(reason) = not_an_image(&bytes) {
            return Err(no_image(reason));
        }
        Ok(Fetched { bytes, hashes: hasher.finish(), received_at: app.clock.now(), budget: Some(budget) })
    }
    .await;
    app.metrics.photos_in_flight.dec();
    fetched
}

fn no_image(reason: NotAnImage) -> ProviderError {
    match reason {
        NotAnImage::Empty => ProviderError::Empty,
        NotAnImage::HtmlPage => ProviderError::Html { status: 200, title: String::new(), retry_after: None },
        NotAnImage::Json { code: Some(code), message } if code != "0" => {
            ProviderError::Rejected { status: 200, code: code.parse().unwrap_or(-1), message, retry_after: None }
        }
        NotAnImage::Json { .. } | NotAnImage::Text(_) | NotAnImage::Blank(_) | NotAnImage::OtherFile(_) => {
            ProviderError::Garbled(short(&reason.to_string()))
        }
    }
}

async fn note_failed_try(pass: &Pass, photo: &Photo, error: &ProviderError) -> Result<(), IngestError> {
    let mut tx = pass.lease.begin(pass.db()).await?;
    Photo::record_failed_try(&mut tx, &photo.id, error.code(), &error.to_string()).await?;
    Ok(tx.commit().await?)
}

async fn end_pass(pass: &Pass, photo: &Photo) -> Result<(), IngestError> {
    let wait = usize::try_from(photo.passes).ok().and_then(|passes| pass.app.config.ingest.retries.get(passes));
    let next = wait.map(|wait| pass.app.clock.now().plus(wait.get()));
    let mut tx = pass.lease.begin(pass.db()).await?;
    Photo::end_pass(&mut tx, &photo.id, next).await?;
    Ok(tx.commit().await?)
}
