//! What is brought to the vendor as files: stamped files after use, and photos that the box did not deliver.
//!
//! None of these calls is known to be idempotent: the vendor's documents say nothing about a second upload of the same
//! file. So each is sent again only if it surely never arrived; after a lost answer nobody knows, and the caller says so.

use std::time::Duration;

use futures::{TryStreamExt, stream::BoxStream};
use reqwest::{
    Body,
    multipart::{Form, Part},
};

use crate::provider::{
    ProviderError,
    qiyuesuo::{Client, known_business},
};

/// Slower than this, a line is taken for dead.
const BYTES_PER_SECOND: u64 = 128 << 10;

/// A file on its way to the vendor. Its bytes are streamed: asked for again when the call is repeated.
#[derive(Debug)]
pub struct Outgoing {
    /// With the suffix that the vendor wants to see.
    pub name: String,
    pub mime: String,
    pub bytes: u64,
    pub stream: Stream,
}

/// A file's bytes as they come from the store.
pub struct Stream(pub BoxStream<'static, Result<bytes::Bytes, std::io::Error>>);

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream")
    }
}

impl Client {
    /// Brings the stamped file (pdf or docx) of a seal use. One try: the stream is used up by it.
    pub async fn used_file(&self, business_id: &str, title: &str, file: Outgoing) -> Result<(), ProviderError> {
        known_business(business_id)?;
        let form = Form::new().text("businessId", business_id.to_owned()).text("title", title.to_owned());
        self.bring("seal/apply/used/file", form, "file", vec![file]).await
    }

    /// Brings pictures of the stamped pages, which the vendor makes one document of. One try.
    pub async fn used_images(
        &self,
        business_id: &str,
        title: &str,
        images: Vec<Outgoing>,
    ) -> Result<(), ProviderError> {
        known_business(business_id)?;
        let form = Form::new().text("businessId", business_id.to_owned()).text("title", title.to_owned());
        self.bring("seal/apply/used/images", form, "images", images).await
    }

    /// Brings a photo that is missing at the vendor; `kind` is the vendor's word, SIGNATORY or FACE. One try.
    pub async fn late_image(&self, seal_auth_id: &str, kind: &str, image: Outgoing) -> Result<(), ProviderError> {
        let form = Form::new().text("sealAuthId", seal_auth_id.to_owned()).text("type", kind.to_owned());
        self.bring("seal/apply/images", form, "images", vec![image]).await
    }

    async fn bring(&self, path: &str, mut form: Form, part: &str, files: Vec<Outgoing>) -> Result<(), ProviderError> {
        // Raw UTF-8 names, as browsers and the vendor's own clients send them.
        form = form.percent_encode_noop();
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        for file in files {
            let stream = file.stream.0.into_stream();
            let body = Part::stream_with_length(Body::wrap_stream(stream), file.bytes).file_name(file.name);
            form = form.part(part.to_owned(), body.mime_str(&file.mime)?);
        }
        let patience = self.shared.limits.total_timeout + Duration::from_secs(bytes / BYTES_PER_SECOND);
        self.json(self.upload(path).multipart(form).timeout(patience)).await.map(drop)
    }
}
