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

/// Blanks and marks before a zip that are skipped.
const MAX_BEFORE: usize = 64;

/// Returns the position of the first entry or of the end record of a zip. Skips the marker of a divided archive that
/// fitted into one file (APPNOTE 8.5.4), and the blank lines and byte order marks that templates of web servers write
/// before a body. `None` if something else comes first.
#[must_use]
pub fn zip_start(head: &[u8]) -> Option<usize> {
    let starts = |at: usize, marks: &[&[u8]]| marks.iter().any(|mark| head[at..].starts_with(mark));
    let mut at = 0;
    while at < head.len().min(MAX_BEFORE) {
        if starts(at, &[b"PK\x03\x04", b"PK\x05\x06"]) {
            return Some(at);
        }
        at += if starts(at, &[b"PK00", b"PK\x07\x08"]) {
            4
        } else if starts(at, &[b"\xEF\xBB\xBF"]) {
            3
        } else if head[at].is_ascii_whitespace() {
            1
        } else {
            return None;
        };
    }
    None
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_zip_is_found_behind_markers_and_blanks() {
        for (head, start) in [
            (b"PK\x03\x04rest".as_slice(), Some(0)),
            (b"PK\x05\x06", Some(0)),
            (b"PK00PK\x03\x04", Some(4)),
            (b"PK\x07\x08PK\x03\x04", Some(4)),
            (b"\r\n\r\nPK\x03\x04", Some(4)),
            (b"\xEF\xBB\xBFPK\x03\x04", Some(3)),
            (b"PK00", None),
            (b"<html>PK\x03\x04", None),
            (b"", None),
        ] {
            assert_eq!(zip_start(head), start, "{head:?}");
        }
        let far = [[b' '; MAX_BEFORE].as_slice(), b"PK\x03\x04"].concat();
        assert_eq!(zip_start(&far), None);
    }
}
