//! Qiyuesuo (契约锁, private cloud): its calls for physical seal use, one function each. [`Client`] documents what a
//! caller can rely on; here is how Qiyuesuo does it.
//!
//! [`Client`]: super::Client

mod answer;
mod application;
mod change;
mod documents;
mod images_zip;
mod page;
pub mod sign;
mod transport;
mod upload;

use std::sync::Arc;

pub use answer::{is_code, names_code, read_detail, read_status, without_codes};

use self::application::ApplicationBody;
use super::{
    Category, Created, Credentials, Detail, ImageBody, Owed, ProviderError, Providers, Seal, SealRequest, ZipBody,
    retry::{quietly, retry, retry_if},
};

/// Acts at one Qiyuesuo server with one set of credentials. Cloning is cheap. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct QiyuesuoClient {
    shared: Providers,
    credentials: Arc<Credentials>,
}

impl QiyuesuoClient {
    pub(crate) fn new(shared: Providers, credentials: Credentials) -> Self {
        Self { shared, credentials: Arc::new(credentials) }
    }

    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// 1 to 20 digits.
    #[must_use]
    pub fn is_business_id(text: &str) -> bool {
        is_business_id(text)
    }

    pub async fn create(&self, request: &SealRequest) -> Result<Created, ProviderError> {
        self.apply("seal/apply/multiple", request).await
    }

    /// The vendor spells the path so.
    pub async fn create_by_category(&self, request: &SealRequest) -> Result<Created, ProviderError> {
        self.apply("seal/apply/mulitipleByCategory", request).await
    }

    async fn apply(&self, path: &str, request: &SealRequest) -> Result<Created, ProviderError> {
        let body = ApplicationBody::from(request);
        let send = |_| async { answer::created(&self.json(self.post(path).json(&body)).await?) };
        retry_if(&self.shared.limits.retry, ProviderError::surely_never_arrived, send, quietly).await
    }

    pub async fn detail(&self, business_id: &str) -> Result<Detail, ProviderError> {
        require_business_id(business_id)?;
        let ask = |_| async {
            let request = self.get("seal/apply/detail", &[("businessId", business_id)]);
            answer::detail(self.json(request).await?, business_id)
        };
        retry(&self.shared.limits.retry, ask, quietly).await
    }

    pub async fn image(&self, photokey: &str) -> Result<ImageBody, ProviderError> {
        let response = self.open(self.get("seal/apply/image", &[("photokey", photokey)])).await?;
        Ok(ImageBody::new(response, |status, bytes| page::error_in(status, bytes, None)))
    }

    pub async fn images_zip(
        &self,
        business_id: &str,
        into: &mut tokio::fs::File,
        limit: u64,
    ) -> Result<ZipBody, ProviderError> {
        // Without photoType: the filter has no word for emergency photos.
        self.images_zip_of(business_id, None, into, limit).await
    }

    pub async fn images_zip_of(
        &self,
        business_id: &str,
        kind: Option<&str>,
        into: &mut tokio::fs::File,
        limit: u64,
    ) -> Result<ZipBody, ProviderError> {
        require_business_id(business_id)?;
        let limits = &self.shared.limits;
        let kind = kind.map(str::to_uppercase);
        let mut query = vec![("businessId", business_id)];
        query.extend(kind.as_deref().map(|kind| ("photoType", kind)));
        let request = self.get("seal/apply/images/download", &query);
        let response = self.open(request.timeout(limits.zip_timeout)).await?;
        images_zip::save(response, into, limit.min(limits.max_zip_bytes)).await
    }

    pub async fn seals(&self) -> Result<Vec<Seal>, ProviderError> {
        // The vendor says PHYSICS of seals and PHYSICAL of categories.
        let query = [("category", "PHYSICS")];
        let ask = |_| async {
            let request = self.get("seal/innercompany/seallist", &query);
            Ok(answer::seals(&self.json(request).await?))
        };
        retry(&self.shared.limits.retry, ask, quietly).await
    }

    pub async fn owed(&self, number: Option<&str>, contact: Option<&str>) -> Result<Vec<Owed>, ProviderError> {
        let query = match (number, contact) {
            (Some(number), _) => [("number", number)],
            (None, Some(contact)) => [("contact", contact)],
            (None, None) => return Err(ProviderError::Garbled("the request names no user".to_owned())),
        };
        let ask = |_| async { Ok(answer::owed(&self.json(self.get("seal/apply/owe/auths", &query)).await?)) };
        retry(&self.shared.limits.retry, ask, quietly).await
    }

    pub async fn categories(&self) -> Result<Vec<Category>, ProviderError> {
        let ask = |_| async { Ok(answer::categories(&self.json(self.get("contract/categories", &[])).await?)) };
        retry(&self.shared.limits.retry, ask, quietly).await
    }

    pub async fn health(&self) -> Result<(), ProviderError> {
        let ask = |_| async {
            let text = self.text(self.get("checkHealth", &[])).await?;
            if text.trim().eq_ignore_ascii_case("OK") {
                return Ok(());
            }
            Err(page::error_in(200, text.as_bytes(), None)
                .unwrap_or_else(|| ProviderError::Garbled("not OK".to_owned())))
        };
        retry(&self.shared.limits.retry, ask, quietly).await
    }
}

/// Documents and categories have ids of the same form.
fn is_business_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn require_business_id(business_id: &str) -> Result<(), ProviderError> {
    if is_business_id(business_id) {
        Ok(())
    } else {
        Err(ProviderError::Garbled("a business id is 1 to 20 digits".to_owned()))
    }
}
