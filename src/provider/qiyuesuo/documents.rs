//! Documents that are to be stamped: sent before the application, which names them by id.

use bytes::Bytes;
use futures::stream::BoxStream;
use reqwest::{
    Body,
    multipart::{Form, Part},
};

use super::{Client, is_business_id};
use crate::provider::ProviderError;

/// A document on its way to the vendor.
pub struct ToStamp<E> {
    pub title: String,
    /// The vendor tells the type by its suffix.
    pub file_name: String,
    pub mime: String,
    pub bytes: u64,
    pub stream: BoxStream<'static, Result<Bytes, E>>,
}

impl<E> std::fmt::Debug for ToStamp<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ToStamp")
            .field("file_name", &self.file_name)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Sends a document; one try, because the stream is gone after it. Gives the vendor's id. Sent twice, there are two
    /// documents, of which one belongs to nothing.
    pub async fn create_document<E>(&self, document: ToStamp<E>) -> Result<String, ProviderError>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let part = Part::stream_with_length(Body::wrap_stream(document.stream), document.bytes)
            .file_name(document.file_name)
            .mime_str(&document.mime)
            .map_err(ProviderError::from)?;
        let form = Form::new().text("title", document.title).part("file", part);
        let answer = self.json(self.upload("document/createbyfile").multipart(form)).await?;
        let id = answer.text("documentId").filter(|id| is_business_id(id));
        id.ok_or_else(|| ProviderError::Garbled("a document without an id".to_owned()))
    }
}
