//! The vendor's calls for physical seal use, one function each.
//!
//! Calls that only read are repeated inside; an application is repeated only if it surely never arrived; a photo and
//! the zip are one try each, because their callers repeat them together with what they do with the bytes.

pub mod answer;
pub mod application;
mod body;
pub mod change;
mod documents;
pub mod image;
pub mod images_zip;
mod page;
mod transport;
pub mod upload;

use std::sync::Arc;

pub use answer::{AppendLog, Auth, Category, Created, Detail, Owed, PhotoRef, Seal, Status};
pub use application::{Application, ApplicationAuth, FlowNode, SealUser};
pub use change::{Actor, SealWindow};
pub use documents::ToStamp;
pub use image::ImageBody;
pub use images_zip::ZipBody;
pub use upload::Outgoing;

use crate::provider::{
    Credentials, Vendor, VendorError,
    retry::{quietly, retry, retry_if},
};

/// Acts at one vendor with one set of credentials. Cloning is cheap. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Client {
    vendor: Vendor,
    credentials: Arc<Credentials>,
}

impl Client {
    pub(crate) fn new(vendor: Vendor, credentials: Credentials) -> Self {
        Self { vendor, credentials: Arc::new(credentials) }
    }

    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Applies for seal use and authorises. Sent again only if it surely never arrived: after any other failure but
    /// [`VendorError::Rejected`] a seal use may exist at the vendor.
    pub async fn create(&self, application: &Application) -> Result<Created, VendorError> {
        let send = |_| async {
            let request = self.post("seal/apply/multiple").json(application);
            Created::read(&self.json(request).await?)
        };
        retry_if(&self.vendor.limits.retry, VendorError::surely_never_arrived, send, quietly).await
    }

    /// The same by category, which decides who stamps; `auths` name no users. The path is really spelled so.
    pub async fn create_by_category(&self, application: &Application) -> Result<Created, VendorError> {
        let send = |_| async {
            let request = self.post("seal/apply/mulitipleByCategory").json(application);
            Created::read(&self.json(request).await?)
        };
        retry_if(&self.vendor.limits.retry, VendorError::surely_never_arrived, send, quietly).await
    }

    /// The vendor's truth about a seal use: status, grants and the keys of its photos.
    pub async fn detail(&self, business_id: &str) -> Result<Detail, VendorError> {
        known_business(business_id)?;
        let ask = |_| async {
            let request = self.get("seal/apply/detail", &[("businessId", business_id)]);
            Detail::read(self.json(request).await?, business_id)
        };
        retry(&self.vendor.limits.retry, ask, quietly).await
    }

    /// Asks for one photo; one try, and only the headers: [`ImageBody::collect`] takes the bytes.
    pub async fn image(&self, photokey: &str) -> Result<ImageBody, VendorError> {
        let response = self.open(self.get("seal/apply/image", &[("photokey", photokey)])).await?;
        Ok(ImageBody::new(response))
    }

    /// Writes the zip of all photos into `into`, from its start; one try. Takes at most `limit` bytes, and never more
    /// than `max_zip_bytes`. After an error the file holds rubbish.
    pub async fn images_zip(
        &self,
        business_id: &str,
        into: &mut tokio::fs::File,
        limit: u64,
    ) -> Result<ZipBody, VendorError> {
        known_business(business_id)?;
        let limits = &self.vendor.limits;
        // Without photoType: the filter has no word for emergency photos.
        let request = self.get("seal/apply/images/download", &[("businessId", business_id)]);
        let response = self.open(request.timeout(limits.zip_timeout)).await?;
        images_zip::save(response, into, limit.min(limits.max_zip_bytes)).await
    }

    /// The physical seals of all companies. The vendor says PHYSICS of seals and PHYSICAL of categories.
    pub async fn seals(&self) -> Result<Vec<Seal>, VendorError> {
        let ask = |_| async {
            let request = self.get("seal/innercompany/seallist", &[("category", "PHYSICS")]);
            Ok(answer::seals(&self.json(request).await?))
        };
        retry(&self.vendor.limits.retry, ask, quietly).await
    }

    /// The grants of one person whose stampings outnumber their photos; by employee number, else by phone.
    pub async fn owed(&self, number: Option<&str>, contact: Option<&str>) -> Result<Vec<Owed>, VendorError> {
        let query = match (number, contact) {
            (Some(number), _) => [("number", number)],
            (None, Some(contact)) => [("contact", contact)],
            (None, None) => return Err(VendorError::Garbled("nobody whose photos could be owed".to_owned())),
        };
        let ask = |_| async { Ok(answer::owed(&self.json(self.get("seal/apply/owe/auths", &query)).await?)) };
        retry(&self.vendor.limits.retry, ask, quietly).await
    }

    /// The business categories. Succeeds only with valid credentials, so it also serves as a test of them.
    pub async fn categories(&self) -> Result<Vec<Category>, VendorError> {
        let ask = |_| async { Ok(answer::categories(&self.json(self.get("contract/categories", &[])).await?)) };
        retry(&self.vendor.limits.retry, ask, quietly).await
    }

    /// Whether the vendor's server says that it is well; credentials are not looked at.
    pub async fn health(&self) -> Result<(), VendorError> {
        let ask = |_| async {
            let text = self.text(self.get("checkHealth", &[])).await?;
            if text.trim().eq_ignore_ascii_case("OK") {
                return Ok(());
            }
            Err(page::told(200, text.as_bytes(), None).unwrap_or_else(|| VendorError::Garbled("not OK".to_owned())))
        };
        retry(&self.vendor.limits.retry, ask, quietly).await
    }
}

/// Whether `text` is a business id: 1 to 20 digits.
#[must_use]
pub fn is_business_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn known_business(business_id: &str) -> Result<(), VendorError> {
    if is_business_id(business_id) {
        Ok(())
    } else {
        Err(VendorError::Garbled("a business id is 1 to 20 digits".to_owned()))
    }
}
