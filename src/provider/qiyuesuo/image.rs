//! One photo on its way.

use bytes::Bytes;
use reqwest::{Response, header::CONTENT_TYPE};

use crate::provider::{
    ProviderError,
    error::short,
    qiyuesuo::{body, page},
};

/// An answer whose headers are here and whose bytes are not.
#[derive(Debug)]
pub struct ImageBody {
    /// The length that the vendor declares, in bytes.
    pub declared: Option<u64>,
    /// What the vendor calls it; often wrong.
    pub content_type: Option<String>,
    response: Response,
}

impl ImageBody {
    pub(super) fn new(response: Response) -> Self {
        let content_type =
            response.headers().get(CONTENT_TYPE).map(|kind| short(&String::from_utf8_lossy(kind.as_bytes())));
        Self { declared: response.content_length(), content_type, response }
    }

    /// Takes the bytes, at most `limit` of them, showing each piece to `on_chunk` as it comes. Bytes that are no error
    /// of the vendor are given as they are, be they an image or not.
    pub async fn collect(self, limit: u64, on_chunk: impl FnMut(&[u8]) + Send) -> Result<Bytes, ProviderError> {
        let status = self.response.status().as_u16();
        let bytes = body::collect(self.response, limit, on_chunk).await?;
        if bytes.is_empty() {
            return Err(ProviderError::Empty);
        }
        match page::told(status, &bytes, None) {
            Some(error) => Err(error),
            None => Ok(bytes),
        }
    }
}
