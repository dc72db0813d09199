//! One client per bound service, whichever provider the service is at.
//!
//! A second provider is a second variant. The compiler then lists every call that it has to answer.

use super::{
    Actor, Category, Created, Credentials, Detail, ImageBody, Outgoing, Owed, ProviderError, Seal, SealRequest,
    SealWindow, ToStamp, ZipBody, qiyuesuo::QiyuesuoClient,
};

/// Acts at one provider with one set of credentials. Cloning is cheap. `Debug` shows no secret.
///
/// Calls that only read are repeated inside. A call that acts anew each time is repeated only if it surely never
/// arrived. Photos, the zip and files are one try each: their callers repeat them together with their own work.
#[derive(Clone, Debug)]
pub enum Client {
    Qiyuesuo(QiyuesuoClient),
}

impl Client {
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        match self {
            Self::Qiyuesuo(client) => client.credentials(),
        }
    }

    /// Returns true if `text` has the form of this provider's business ids.
    #[must_use]
    pub fn is_business_id(&self, text: &str) -> bool {
        match self {
            Self::Qiyuesuo(_) => QiyuesuoClient::is_business_id(text),
        }
    }

    /// Applies for seal use and authorises the people that the request names. After any failure except
    /// [`ProviderError::Rejected`] and one that surely never arrived, a seal use may exist at the provider.
    pub async fn create(&self, request: &SealRequest) -> Result<Created, ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.create(request).await,
        }
    }

    /// Like [`Client::create`], by category: the category defines the people, the request names none.
    pub async fn create_by_category(&self, request: &SealRequest) -> Result<Created, ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.create_by_category(request).await,
        }
    }

    /// Sends a document that is to be stamped and returns the provider's id. One try: it uses the stream up. After a
    /// second try there may be two documents, one of which belongs to no application.
    pub async fn create_document<E>(&self, document: ToStamp<E>) -> Result<String, ProviderError>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        match self {
            Self::Qiyuesuo(client) => client.create_document(document).await,
        }
    }

    /// The provider's truth about a seal use: status, grants and the keys of its photos.
    pub async fn detail(&self, business_id: &str) -> Result<Detail, ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.detail(business_id).await,
        }
    }

    /// Asks for one photo and returns after the headers: [`ImageBody::collect`] reads the bytes. One try.
    pub async fn image(&self, photokey: &str) -> Result<ImageBody, ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.image(photokey).await,
        }
    }

    /// Writes the zip of all photos to `into`, from its start. One try. Reads at most `limit` bytes, and never more
    /// than `max_zip_bytes`. After an error the file's content is undefined.
    pub async fn images_zip(
        &self,
        business_id: &str,
        into: &mut tokio::fs::File,
        limit: u64,
    ) -> Result<ZipBody, ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.images_zip(business_id, into, limit).await,
        }
    }

    /// As [`images_zip`](Self::images_zip), with the photos of one kind. `kind` is our word for it, such as `face`.
    pub async fn images_zip_of(
        &self,
        business_id: &str,
        kind: &str,
        into: &mut tokio::fs::File,
        limit: u64,
    ) -> Result<ZipBody, ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.images_zip_of(business_id, Some(kind), into, limit).await,
        }
    }

    /// The physical seals of all companies.
    pub async fn seals(&self) -> Result<Vec<Seal>, ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.seals().await,
        }
    }

    /// The grants of one person with more stampings than photos. The person is named by employee number, else by
    /// phone.
    pub async fn owed(&self, number: Option<&str>, contact: Option<&str>) -> Result<Vec<Owed>, ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.owed(number, contact).await,
        }
    }

    /// The business categories. Succeeds only with valid credentials, so it also tests them.
    pub async fn categories(&self) -> Result<Vec<Category>, ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.categories().await,
        }
    }

    /// Succeeds if the provider's server reports that it works. The credentials are not checked.
    pub async fn health(&self) -> Result<(), ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.health().await,
        }
    }
}

/// Calls that change a seal use.
impl Client {
    /// Appends `count` uses: to every seal, or to the seal in the box `device_no`. An ended seal use opens again. After
    /// any failure except a refusal the uses may have been appended: [`Client::detail`] lists all appends.
    pub async fn append(
        &self,
        business_id: &str,
        count: u32,
        by: &Actor,
        device_no: Option<&str>,
    ) -> Result<Created, ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.append(business_id, count, by, device_no).await,
        }
    }

    /// Sets the time in which seals may be used. Idempotent, so it is repeated after a lost answer too. If every try
    /// fails, the first unclear failure is returned: that try may have set the time, and no later failure undoes it.
    pub async fn set_window(&self, window: &SealWindow) -> Result<(), ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.set_window(window).await,
        }
    }

    /// Ends use: of all seals, or of the seal in the box `device_no`.
    pub async fn finish(
        &self,
        business_id: &str,
        reason: &str,
        by: &Actor,
        device_no: Option<&str>,
    ) -> Result<(), ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.finish(business_id, reason, by, device_no).await,
        }
    }

    /// Sends the stamped file (pdf or docx) of a seal use. One try: it uses the stream up.
    pub async fn used_file(&self, business_id: &str, title: &str, file: Outgoing) -> Result<(), ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.used_file(business_id, title, file).await,
        }
    }

    /// Sends pictures of the stamped pages. The provider makes one document of them. One try.
    pub async fn used_images(
        &self,
        business_id: &str,
        title: &str,
        images: Vec<Outgoing>,
    ) -> Result<(), ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.used_images(business_id, title, images).await,
        }
    }

    /// Sends a photo that is missing at the provider. `kind` is our word for it, such as `signatory`. One try.
    pub async fn late_image(&self, auth_id: &str, kind: &str, image: Outgoing) -> Result<(), ProviderError> {
        match self {
            Self::Qiyuesuo(client) => client.late_image(auth_id, kind, image).await,
        }
    }
}
