//! Binds a vendor's server, and checks the connection to it.

use serde::{Deserialize, Serialize};

use super::{NO_PUBLIC_CLOUD, ServerType, Service, ServiceError};
use crate::{audit::Act, db::DbError, id::ServiceId, provider::Providers, secret::Secrets, user::Acting};

/// Why a service is not bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("{0}: {1}")]
    Field(&'static str, &'static str),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Db(#[from] DbError),
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewService {
    #[schema(pattern = r"\S")]
    pub name: String,
    /// Address of the vendor's open platform, usually with port 9182.
    #[schema(pattern = r"^\s*[hH][tT][tT][pP][sS]?://[^\s?#@]+\s*$")]
    pub base_url: String,
    #[schema(pattern = r"^\s*[^\s\x00-\x1f\x7f-\x9f]+\s*$")]
    pub app_token: String,
    /// Never returned by the API.
    #[schema(pattern = r"^\s*[^\s\x00-\x1f\x7f-\x9f]+\s*$")]
    pub app_secret: String,
    /// `legacy` (default), `nonce` or `nonce:<header name>`.
    #[schema(pattern = r"^(legacy|nonce(:[!#$%&'*+.^_`|~0-9A-Za-z-]+)?)$")]
    pub sign_mode: Option<String>,
    /// `private` (default). The API refuses `public`.
    pub server_type: Option<ServerType>,
}

/// Binds a service.
pub async fn bind(acting: Acting<'_>, secrets: &Secrets, new: NewService) -> Result<Service, BindError> {
    let mut service = Service {
        id: ServiceId::new(),
        name: new.name,
        base_url: new.base_url.trim().to_owned(),
        app_token: new.app_token.trim().to_owned(),
        app_secret: String::new(),
        sign_mode: new.sign_mode.unwrap_or_else(|| "legacy".to_owned()),
        created_at: acting.now,
    };
    service.set_secret(secrets, new.app_secret.trim()).map_err(ServiceError::from)?;
    check_members(&service, secrets)?;
    if new.server_type == Some(ServerType::Public) {
        return Err(BindError::Field("serverType", NO_PUBLIC_CLOUD));
    }
    let mut tx = acting.db.begin().await?;
    service.insert(&mut tx).await?;
    acting.commit(tx, acting.entry(Act::ServiceMade, service.id.as_str()).detail(&service.base_url)).await?;
    Ok(service)
}

/// Checks the members of a service that is bound or changed.
pub(super) fn check_members(service: &Service, secrets: &Secrets) -> Result<(), BindError> {
    if service.name.trim().is_empty() {
        return Err(BindError::Field("name", "must not be empty"));
    }
    service.credentials(secrets)?;
    if service.is_public_cloud() {
        return Err(BindError::Field("baseUrl", NO_PUBLIC_CLOUD));
    }
    Ok(())
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Checked {
    pub ok: bool,
    /// Number of physical seals that the vendor lists.
    pub seals: Option<usize>,
    /// The error of the check.
    pub error: Option<String>,
}

/// Checks that the vendor answers and accepts our credentials.
pub async fn check(acting: Acting<'_>, vendor: &Providers, id: &ServiceId) -> Result<Checked, ServiceError> {
    let client = Service::client(acting.db, vendor, id).await?;
    let answer = match client.health().await {
        Ok(()) => client.seals().await,
        Err(error) => Err(error),
    };
    let checked = match answer {
        Ok(seals) => Checked { ok: true, seals: Some(seals.len()), error: None },
        Err(error) => Checked { ok: false, seals: None, error: Some(error.to_string()) },
    };
    let detail = checked.error.as_deref().unwrap_or("ok");
    acting.commit(acting.db.begin().await?, acting.entry(Act::ServiceChecked, id.as_str()).detail(detail)).await?;
    Ok(checked)
}
