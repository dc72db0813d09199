//! A service (契约锁服务): a bound vendor server with its credentials.

pub mod bind;
pub mod change;
pub mod stored;

use serde::Serialize;
use sqlx::FromRow;
use url::Url;

use crate::{
    clock::Timestamp,
    db::{self, Db, DbError, On, Tx, filter::Filtered, sql},
    id::ServiceId,
    outage::Outage,
    provider::{AppSecret, BadCredentials, Client, Credentials, Providers, SignMode},
    secret::{SecretError, Secrets},
    vocabulary::words,
};

/// A bound service. The API never returns its secret.
#[derive(Clone, FromRow, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    pub id: ServiceId,
    pub name: String,
    /// Address of the vendor's open platform, usually with port 9182.
    pub base_url: String,
    pub app_token: String,
    /// As stored: sealed, or in clear without a key.
    #[serde(skip)]
    pub app_secret: String,
    /// `legacy`, `nonce` or `nonce:<header name>`.
    pub sign_mode: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("id", &self.id).field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

words! {
    /// The kind of vendor server.
    ServerType {
        /// 私有云: in the company's network. Only this kind has physical seals.
        Private = "private",
        /// 公有云.
        Public = "public",
    }
}

/// Why a service of the public cloud is refused.
pub const NO_PUBLIC_CLOUD: &str = "the public cloud has no physical seals; bind a private-cloud service";

/// Domains of the vendor's public cloud.
const PUBLIC_CLOUD: [&str; 2] = ["qiyuesuo.com", "qiyuesuo.cn"];

/// Why there is no client for a service.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("there is no such service; bind it again")]
    Gone,
    #[error(transparent)]
    Credentials(#[from] BadCredentials),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl ServiceError {
    /// Returns the outage of the database that caused this error.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        match self {
            Self::Gone | Self::Credentials(_) | Self::Secret(_) => None,
            Self::Db(error) => db::outage(error),
        }
    }
}

impl Service {
    pub async fn insert(&self, tx: &mut Tx) -> Result<(), DbError> {
        sql("INSERT INTO services (id, name, base_url, app_token, app_secret, sign_mode, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(&self.id)
        .bind(&self.name)
        .bind(&self.base_url)
        .bind(&self.app_token)
        .bind(&self.app_secret)
        .bind(&self.sign_mode)
        .bind(self.created_at)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Sets the secret as it is stored.
    pub fn set_secret(&mut self, secrets: &Secrets, secret: &str) -> Result<(), SecretError> {
        self.app_secret = secrets.seal(secret, &stored::place(&self.id))?;
        Ok(())
    }

    /// Returns true if the address is in the vendor's public cloud.
    #[must_use]
    pub fn is_public_cloud(&self) -> bool {
        let url = Url::parse(&self.base_url).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().trim_end_matches('.');
        let under = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        PUBLIC_CLOUD.into_iter().any(under)
    }

    /// Opens, checks and returns the credentials of the service.
    pub fn credentials(&self, secrets: &Secrets) -> Result<Credentials, ServiceError> {
        let url = Url::parse(&self.base_url).map_err(|_| BadCredentials::BaseUrl)?;
        let mode: SignMode = self.sign_mode.parse()?;
        let secret = secrets.open(&self.app_secret, &stored::place(&self.id))?;
        Ok(Credentials::new(url, &self.app_token, AppSecret::new(&secret)?, mode)?)
    }

    /// Returns a client for this service.
    pub async fn client(on: impl Into<On<'_>>, vendor: &Providers, id: &ServiceId) -> Result<Client, ServiceError> {
        let service = Self::find(on, id).await?.ok_or(ServiceError::Gone)?;
        Ok(vendor.client(service.credentials(vendor.secrets())?))
    }

    /// Writes all columns that can change.
    pub async fn update(&self, tx: &mut Tx) -> Result<(), DbError> {
        sql("UPDATE services SET name = $1, base_url = $2, app_token = $3, app_secret = $4, sign_mode = $5 WHERE id = $6")
            .bind(&self.name)
            .bind(&self.base_url)
            .bind(&self.app_token)
            .bind(&self.app_secret)
            .bind(&self.sign_mode)
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(())
    }

    pub async fn find(on: impl Into<On<'_>>, id: &ServiceId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM services WHERE id = $1").bind(id).optional(on).await
    }

    /// Reads the service and locks the row until `tx` ends.
    pub async fn lock(tx: &mut Tx, id: &ServiceId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM services WHERE id = $1 {for_update}").bind(id).optional(tx).await
    }

    /// Returns services before `after`, newest first.
    pub async fn list(db: &Db, after: Option<&ServiceId>, limit: i64) -> Result<Vec<Self>, DbError> {
        Filtered::new("SELECT * FROM services").and("id <", after).newest_first("id", limit).all(db).await
    }
}
