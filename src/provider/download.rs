//! Downloads from a provider: one photo, and the zip of all photos.

use bytes::Bytes;
use reqwest::{Response, header::CONTENT_TYPE};

use super::{ProviderError, body, error::short};

/// Returns the error in a body, by the provider's conventions. `None` if the body is data.
pub(super) type Refusal = fn(status: u16, body: &[u8]) -> Option<ProviderError>;

/// An answer whose headers have arrived and whose body has not been read.
#[derive(Debug)]
pub struct ImageBody {
    /// The length that the provider declares, in bytes.
    pub declared: Option<u64>,
    /// The content type that the provider declares. It is often wrong.
    pub content_type: Option<String>,
    response: Response,
    refusal: Refusal,
}

impl ImageBody {
    pub(super) fn new(response: Response, refusal: Refusal) -> Self {
        let content_type =
            response.headers().get(CONTENT_TYPE).map(|kind| short(&String::from_utf8_lossy(kind.as_bytes())));
        Self { declared: response.content_length(), content_type, response, refusal }
    }

    /// Reads at most `limit` bytes and shows each piece to `on_chunk` as it comes. Bytes that are no refusal are
    /// returned unchanged, also when they are not an image.
    pub async fn collect(self, limit: u64, on_chunk: impl FnMut(&[u8]) + Send) -> Result<Bytes, ProviderError> {
        let status = self.response.status().as_u16();
        let bytes = body::collect(self.response, limit, on_chunk).await?;
        if bytes.is_empty() {
            return Err(ProviderError::Empty);
        }
        match (self.refusal)(status, &bytes) {
            Some(error) => Err(error),
            None => Ok(bytes),
        }
    }
}

/// A zip that was written to the file completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZipBody {
    pub bytes: u64,
    /// The file name that the provider suggests, without any path.
    pub file_name: Option<String>,
    /// True if the zip has no entries: there are no photos yet.
    pub empty: bool,
}
