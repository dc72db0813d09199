//! The stored secrets of services, for the start of the process.

use super::{Service, ServiceError};
use crate::{
    db::{Db, On, sql},
    id::ServiceId,
    secret::{Secrets, sealed_under},
};

/// Returns the place of a service's secret, which is authenticated with it.
pub(super) fn place(id: &ServiceId) -> String {
    format!("services.app_secret:{id}")
}

/// Returns every secret as it is stored.
pub async fn all(on: impl Into<On<'_>>) -> Result<Vec<String>, ServiceError> {
    let rows: Vec<(String,)> = sql("SELECT app_secret FROM services").all(on).await?;
    Ok(rows.into_iter().map(|(stored,)| stored).collect())
}

/// Seals the secrets that were stored in clear before there was a key. Returns their number.
pub async fn seal_clear(db: &Db, secrets: &Secrets) -> Result<usize, ServiceError> {
    let mut tx = db.begin().await?;
    let services: Vec<Service> = sql("SELECT * FROM services ORDER BY id {for_update}").all(&mut tx).await?;
    let clear = services.into_iter().filter(|service| sealed_under(&service.app_secret).is_none());
    let mut sealed = 0;
    for mut service in clear {
        let text = secrets.open(&service.app_secret, &place(&service.id))?;
        service.set_secret(secrets, &text)?;
        service.update(&mut tx).await?;
        sealed += 1;
    }
    tx.commit().await?;
    Ok(sealed)
}
