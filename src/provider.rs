//! The vendor (契约锁 Qiyuesuo, private cloud): one pooled HTTP client for the whole application, one [`Client`] per
//! bound service.
//!
//! The client reports what happened and decides nothing: whether bytes are a picture, whether a seal use has ended and
//! what to do about a failure is decided by the verbs. Every body is bounded, every wait is bounded.

pub mod charset;
pub mod credentials;
pub mod error;
pub mod limits;
pub mod qiyuesuo;
pub mod retry;
pub mod sign;

use std::sync::Arc;

pub use credentials::{BadCredentials, Credentials, Hidden, Secret, SignMode};
pub use error::VendorError;
pub use limits::{INTERACTIVE, Limits};
pub use qiyuesuo::Client;

use crate::{clock::Clock, tls};

const USER_AGENT: &str = concat!("yinku/", env!("CARGO_PKG_VERSION"));

/// Makes clients that share one connection pool. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Vendor {
    http: reqwest::Client,
    /// For requests whose body is a file: the HTTP library counts `read_timeout` from the request's beginning, so that
    /// it would end an upload that takes longer. Only the time of the whole exchange bounds these.
    uploads: reqwest::Client,
    limits: Arc<Limits>,
    clock: Clock,
}

/// The HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for the vendor could not be built: {0}")]
pub struct VendorBuildError(#[from] reqwest::Error);

impl Vendor {
    pub fn new(limits: &Limits, clock: Clock) -> Result<Self, VendorBuildError> {
        tls::choose_provider();
        let http = build(|| builder(limits).read_timeout(limits.read_timeout).timeout(limits.total_timeout))?;
        let uploads = build(|| builder(limits).timeout(limits.zip_timeout))?;
        Ok(Self { http, uploads, limits: Arc::new(limits.clone()), clock })
    }

    /// A client that acts with these credentials.
    #[must_use]
    pub fn client(&self, credentials: Credentials) -> Client {
        Client::new(self.clone(), credentials)
    }
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
        // The signature covers neither host nor path: following a redirect or a proxy would hand it to somebody else.
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
