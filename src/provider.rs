//! The providers of seal use (the vendors). The application has one pooled HTTP client and one [`Client`] per bound
//! service.
//!
//! The types here belong to no vendor. A vendor's spelling stays in its folder: today [`qiyuesuo`] (契约锁, private
//! cloud) is the only one. A second vendor is a second folder and a second variant of [`Client`].
//!
//! The client reports what happened and decides nothing. The verbs decide whether bytes are a picture, whether a seal
//! use has ended and how to react to a failure. Every body and every wait is bounded.

mod actor;
mod body;
mod catalogue;
pub mod charset;
mod client;
pub mod credentials;
mod detail;
mod download;
pub mod error;
pub mod header;
pub mod limits;
mod owed;
pub mod qiyuesuo;
mod request;
pub mod retry;
mod upload;

use std::{borrow::Cow, sync::Arc};

pub use actor::Actor;
pub use catalogue::{Category, Seal};
pub use client::Client;
pub use credentials::{AppSecret, BadCredentials, Credentials, Hidden, SignMode};
pub use detail::{AppendLog, Auth, Created, Detail, PhotoRef, Status};
pub use download::{ImageBody, ZipBody, zip_start};
pub use error::ProviderError;
pub use limits::{INTERACTIVE, Limits};
pub use owed::Owed;
pub use request::{GivenApproval, PersonRef, RequestedSeal, SealRequest, SealWindow};
pub use upload::{Outgoing, OutgoingStream, ToStamp};

use crate::{clock::Clock, secret::Secrets, tls};

const USER_AGENT: &str = concat!("yinku/", env!("CARGO_PKG_VERSION"));

/// Makes clients that share one connection pool. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Providers {
    http: reqwest::Client,
    /// For requests whose body is a file. The HTTP library counts `read_timeout` from the start of the request and
    /// would end a longer upload. Only the time of the whole exchange bounds these requests.
    uploads: reqwest::Client,
    limits: Arc<Limits>,
    clock: Clock,
    secrets: Secrets,
}

/// The HTTP client could not be created.
#[derive(Debug, thiserror::Error)]
#[error("cannot create the HTTP client for the vendor: {0}")]
pub struct ProviderBuildError(#[from] reqwest::Error);

impl Providers {
    pub fn new(limits: &Limits, clock: Clock) -> Result<Self, ProviderBuildError> {
        tls::choose_provider();
        let http = build(|| builder(limits).read_timeout(limits.read_timeout).timeout(limits.total_timeout))?;
        let uploads = build(|| builder(limits).timeout(limits.zip_timeout))?;
        Ok(Self { http, uploads, limits: Arc::new(limits.clone()), clock, secrets: Secrets::default() })
    }

    /// Sets the key that opens the stored secrets of services.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Returns a client with these credentials.
    #[must_use]
    pub fn client(&self, credentials: Credentials) -> Client {
        Client::Qiyuesuo(qiyuesuo::QiyuesuoClient::new(self.clone(), credentials))
    }
}

/// Reads a detail that was stored before ([`Detail::raw`]). All stored details are Qiyuesuo's so far.
pub fn read_detail(text: &str, business_id: &str) -> Result<Detail, ProviderError> {
    qiyuesuo::read_detail(text, business_id)
}

/// Returns true if a member of this name holds a seal code.
#[must_use]
pub fn is_code(name: &str) -> bool {
    qiyuesuo::is_code(name)
}

/// Returns true if the text has the name of a seal code before a value.
#[must_use]
pub fn names_code(text: &str) -> bool {
    qiyuesuo::names_code(text)
}

/// Returns the text of a detail ([`Detail::raw`]) without its seal codes.
#[must_use]
pub fn without_codes(text: &str) -> Cow<'_, str> {
    qiyuesuo::without_codes(text)
}

fn build(builder: impl Fn() -> reqwest::ClientBuilder) -> Result<reqwest::Client, reqwest::Error> {
    builder().build().or_else(|error| {
        // A machine without CA certificates must still reach a vendor that speaks plain HTTP. With no certificate to
        // trust every HTTPS vendor is refused: nothing is weakened.
        tracing::warn!(%error, "no usable CA certificates: HTTPS vendors cannot be reached");
        builder().tls_certs_only([]).build()
    })
}

fn builder(limits: &Limits) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        // The signature covers neither host nor path. A redirect or a proxy would disclose it to another server.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        // Repeating is decided in one place (retry.rs): a second application means a second seal use.
        .retry(reqwest::retry::never())
        .http1_only()
        .connect_timeout(limits.connect_timeout)
        .pool_max_idle_per_host(limits.pool_idle_per_host)
        .pool_idle_timeout(limits.pool_idle_timeout)
}
