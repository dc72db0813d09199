//! Changes a bound service. A secret that was stored under a lost key is given again here.

use serde::Deserialize;

use super::{
    Service, ServiceError,
    bind::{BindError, check_members},
};
use crate::{audit::Act, id::ServiceId, secret::Secrets, user::Acting};

/// The changes of a service. An absent member stays unchanged.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceChange {
    #[schema(pattern = r"\S")]
    pub name: Option<String>,
    /// Address of the vendor's open platform, usually with port 9182.
    #[schema(pattern = r"^\s*[hH][tT][tT][pP][sS]?://[^\s?#@]+\s*$")]
    pub base_url: Option<String>,
    #[schema(pattern = r"^\s*[^\s\x00-\x1f\x7f-\x9f]+\s*$")]
    pub app_token: Option<String>,
    /// Never returned by the API.
    #[schema(pattern = r"^\s*[^\s\x00-\x1f\x7f-\x9f]+\s*$")]
    pub app_secret: Option<String>,
    /// `legacy`, `nonce` or `nonce:<header name>`.
    #[schema(pattern = r"^(legacy|nonce(:[!#$%&'*+.^_`|~0-9A-Za-z-]+)?)$")]
    pub sign_mode: Option<String>,
}

/// Changes a service. The address of a service can only change together with its secret: an administrator who does not
/// know the secret cannot have it used at another server.
pub async fn change(
    acting: Acting<'_>,
    secrets: &Secrets,
    id: &ServiceId,
    given: ServiceChange,
) -> Result<Service, BindError> {
    let mut tx = acting.db.begin().await?;
    let mut service = Service::lock(&mut tx, id).await?.ok_or(ServiceError::Gone)?;
    let before = service.clone();
    let text = |new: Option<String>, present: String| new.map_or(present, |new| new.trim().to_owned());
    service.name = given.name.unwrap_or(service.name);
    service.base_url = text(given.base_url, service.base_url);
    service.app_token = text(given.app_token, service.app_token);
    service.sign_mode = given.sign_mode.unwrap_or(service.sign_mode);
    let secret_given = given.app_secret.is_some();
    if let Some(secret) = given.app_secret {
        service.set_secret(secrets, secret.trim()).map_err(ServiceError::from)?;
    }
    if service.base_url != before.base_url && !secret_given {
        return Err(BindError::Field("appSecret", "is missing: give the secret together with another address"));
    }
    check_members(&service, secrets)?;
    service.update(&mut tx).await?;
    let detail = difference(&before, &service, secret_given);
    acting.commit(tx, acting.entry(Act::ServiceChanged, id.as_str()).detail(&detail)).await?;
    Ok(service)
}

/// Names what changed for the audit log. Neither the secret nor the token is shown.
fn difference(before: &Service, after: &Service, secret_given: bool) -> String {
    let changed = [
        (before.name != after.name).then(|| "name".to_owned()),
        (before.base_url != after.base_url).then(|| format!("baseUrl {} -> {}", before.base_url, after.base_url)),
        (before.app_token != after.app_token).then(|| "appToken".to_owned()),
        secret_given.then(|| "appSecret".to_owned()),
        (before.sign_mode != after.sign_mode).then(|| format!("signMode {}", after.sign_mode)),
    ];
    let changed: Vec<String> = changed.into_iter().flatten().collect();
    if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") }
}
