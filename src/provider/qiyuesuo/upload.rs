//! Sends files to the vendor: stamped files after use, and photos that the box did not deliver.
//!
//! None of these calls is known to be idempotent: the vendor's documents say nothing about a second upload of the same
//! file. The caller sends a file again only if it surely did not arrive. After a lost answer it reports that the
//! outcome is unknown.

use std::time::Duration;

use futures::TryStreamExt;
use reqwest::{
    Body,
    multipart::{Form, Part},
};

use crate::provider::{
    Outgoing, ProviderError,
    qiyuesuo::{QiyuesuoClient, require_business_id},
};

/// The slowest line that counts as working.
const BYTES_PER_SECOND: u64 = 128 << 10;

impl QiyuesuoClient {
    pub async fn used_file(&self, business_id: &str, title: &str, file: Outgoing) -> Result<(), ProviderError> {
        require_business_id(business_id)?;
        let form = Form::new().text("businessId", business_id.to_owned()).text("title", title.to_owned());
        self.send_files("seal/apply/used/file", form, "file", vec![file]).await
    }

    pub async fn used_images(
        &self,
        business_id: &str,
        title: &str,
        images: Vec<Outgoing>,
    ) -> Result<(), ProviderError> {
        require_business_id(business_id)?;
        let form = Form::new().text("businessId", business_id.to_owned()).text("title", title.to_owned());
        self.send_files("seal/apply/used/images", form, "images", images).await
    }

    /// The vendor's word for the kind is our word in upper case, such as SIGNATORY or FACE.
    pub async fn late_image(&self, auth_id: &str, kind: &str, image: Outgoing) -> Result<(), ProviderError> {
        let form = Form::new().text("sealAuthId", auth_id.to_owned()).text("type", kind.to_ascii_uppercase());
        self.send_files("seal/apply/images", form, "images", vec![image]).await
    }

    async fn send_files(
        &self,
        path: &str,
        mut form: Form,
        part: &str,
        files: Vec<Outgoing>,
    ) -> Result<(), ProviderError> {
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
