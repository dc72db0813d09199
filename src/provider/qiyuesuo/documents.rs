//! Sends the documents that are to be stamped.

use reqwest::{
    Body,
    multipart::{Form, Part},
};

use super::{QiyuesuoClient, is_business_id};
use crate::provider::{ProviderError, ToStamp};

impl QiyuesuoClient {
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
