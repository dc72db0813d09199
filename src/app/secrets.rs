//! The key of stored secrets at the start of the process.

use super::StartError;
use crate::{
    config::{Config, DatabaseUrl},
    db::Db,
    secret::{Secrets, open_to_others, sealed_under},
    service::{
        ServiceError,
        stored::{self, seal_clear},
    },
    user::totp,
};

/// Loads the key, or makes it at the first start on SQLite. A process without the right key starts, so that an
/// administrator can give the secrets again. It says what is wrong.
pub(super) async fn unlock(db: &Db, config: &Config) -> Result<Secrets, StartError> {
    warn_if_open(config);
    let mut secrets = Secrets::load(&config.secrets)?;
    let mut stored = stored::all(db).await?;
    stored.extend(totp::stored_seeds(db).await.map_err(ServiceError::from)?);
    let sealed = stored.iter().any(|stored| sealed_under(stored).is_some());
    let one_process = matches!(config.database.url, DatabaseUrl::Sqlite(_));
    // A new key in place of a lost one would hide the loss.
    if secrets.fingerprint().is_none() && one_process && !sealed {
        secrets = Secrets::make(&config.secrets)?;
        tracing::info!(
            file = %config.secrets.key_file.display(),
            "made the key for stored secrets; keep a copy of this file elsewhere, because no backup contains it"
        );
    }
    warn_if_wrong(&secrets, &stored);
    if secrets.fingerprint().is_some() && stored.iter().any(|stored| sealed_under(stored).is_none()) {
        let sealed = seal_clear(db, &secrets).await? + totp::seal_clear_seeds(db, &secrets).await?;
        tracing::info!(sealed, "sealed the secrets that were stored in clear");
    }
    Ok(secrets)
}

fn warn_if_wrong(secrets: &Secrets, stored: &[String]) {
    let other =
        stored.iter().filter_map(|stored| sealed_under(stored)).find(|under| Some(*under) != secrets.fingerprint());
    match (other, secrets.fingerprint()) {
        (Some(stored), present) => tracing::error!(
            stored,
            present,
            "secrets are stored under another key, so their services and one-time codes do not work; put the key \
             {stored} into secrets.key_file or YINKU_SECRETS__KEY, or give each secret again with PATCH \
             /api/services/{{id}} and remove the one-time codes with `yinku user totp`"
        ),
        (None, None) => tracing::warn!(
            "no key for stored secrets: they are stored in clear; make one with `openssl rand -base64 32`, give it to \
             all processes as YINKU_SECRETS__KEY or secrets.key_file, and restart them"
        ),
        (None, Some(_)) => {}
    }
}

fn warn_if_open(config: &Config) {
    if let Some(mode) = open_to_others(&config.data_dir) {
        let (directory, mode) = (config.data_dir.display(), format!("{mode:03o}"));
        tracing::warn!(%directory, mode, "other users may read the data directory; run chmod 700 on it");
    }
}
