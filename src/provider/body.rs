//! Reads the bodies of answers with a size limit.

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::ProviderError;

// The largest allocation for a declared length, because the length may be wrong.
const SET_ASIDE: u64 = 4 << 20;
// The limit of a body that explains a refusal.
const HEAD: usize = 64 << 10;

/// Reads the whole body, at most `limit` bytes. A body that ends before its declared length is an error.
pub(super) async fn collect(
    mut response: Response,
    limit: u64,
    mut on_chunk: impl FnMut(&[u8]) + Send,
) -> Result<Bytes, ProviderError> {
    let declared = fitting(&response, limit)?;
    let room = declared.unwrap_or_default().min(SET_ASIDE);
    let mut body = BytesMut::with_capacity(usize::try_from(room).unwrap_or_default());
    while let Some(chunk) = response.chunk().await? {
        if (body.len() as u64).saturating_add(chunk.len() as u64) > limit {
            return Err(ProviderError::TooLarge { limit });
        }
        on_chunk(&chunk);
        body.extend_from_slice(&chunk);
    }
    whole(declared, body.len() as u64)?;
    Ok(body.freeze())
}

/// Returns the declared length, if any. Fails if it is over `limit`.
pub(super) fn fitting(response: &Response, limit: u64) -> Result<Option<u64>, ProviderError> {
    let declared = response.content_length();
    if declared.is_some_and(|bytes| bytes > limit) { Err(ProviderError::TooLarge { limit }) } else { Ok(declared) }
}

/// Checks the length of the body. The HTTP library does this too, but photos are evidence.
pub(super) fn whole(declared: Option<u64>, received: u64) -> Result<(), ProviderError> {
    match declared {
        Some(bytes) if bytes != received => Err(ProviderError::Cut(format!("{received} of {bytes} bytes"))),
        _ => Ok(()),
    }
}

/// Reads the start of the body of a refusal. Ignores how the body ends.
pub(super) async fn head(mut response: Response) -> Bytes {
    let mut body = BytesMut::new();
    while body.len() < HEAD
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk[..chunk.len().min(HEAD - body.len())]);
    }
    body.freeze()
}
