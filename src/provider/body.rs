//! Reads the bodies of answers, bounded.

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::ProviderError;

// A declared length is only a claim: no more than this is set aside for it.
const SET_ASIDE: u64 = 4 << 20;
// Of a body that only explains a refusal.
const HEAD: usize = 64 << 10;

/// The whole body, at most `limit` bytes. A body that ends before its declared length is cut.
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

/// The declared length, if any; refused at once when it is over `limit`.
pub(super) fn fitting(response: &Response, limit: u64) -> Result<Option<u64>, ProviderError> {
    let declared = response.content_length();
    if declared.is_some_and(|bytes| bytes > limit) { Err(ProviderError::TooLarge { limit }) } else { Ok(declared) }
}

/// The HTTP library refuses short bodies by itself; evidence is worth a second look.
pub(super) fn whole(declared: Option<u64>, received: u64) -> Result<(), ProviderError> {
    match declared {
        Some(bytes) if bytes != received => Err(ProviderError::Cut(format!("{received} of {bytes} bytes"))),
        _ => Ok(()),
    }
}

/// As much of a refusal's body as explains it; how it ends does not matter.
pub(super) async fn head(mut response: Response) -> Bytes {
    let mut body = BytesMut::new();
    while body.len() < HEAD
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk[..chunk.len().min(HEAD - body.len())]);
    }
    body.freeze()
}
