//! Files that are sent to a provider.

use std::fmt;

use bytes::Bytes;
use futures::stream::BoxStream;

/// A document that is to be stamped. It is sent before the application, which names it by the provider's id.
pub struct ToStamp<E> {
    pub title: String,
    /// The provider derives the type from its suffix.
    pub file_name: String,
    pub mime: String,
    pub bytes: u64,
    pub stream: BoxStream<'static, Result<Bytes, E>>,
}

impl<E> fmt::Debug for ToStamp<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToStamp")
            .field("file_name", &self.file_name)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// A stamped file or a photo. One call uses its stream up.
#[derive(Debug)]
pub struct Outgoing {
    /// The name, with the suffix that the provider expects.
    pub name: String,
    pub mime: String,
    pub bytes: u64,
    pub stream: OutgoingStream,
}

/// A file's bytes as they come from the store.
pub struct OutgoingStream(pub BoxStream<'static, Result<Bytes, std::io::Error>>);

impl fmt::Debug for OutgoingStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutgoingStream")
    }
}
