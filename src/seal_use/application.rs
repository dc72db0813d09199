//! The application of one seal use to the vendor.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{SealUse, SealUseStatus};
use crate::{
    clock::Timestamp,
    db::{DbError, On, Tx, placeholders, sql},
    id::SealUseId,
};

/// The application to the vendor. It is stored, so the service can repeat it and prove it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    pub tenant_name: String,
    pub subject: String,
    pub description: Option<String>,
    pub applicant: Person,
    /// For an application by category: the category's name or id at the vendor. It decides the seal users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The category's name or id, for an application whose form names the seal users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category_beside: Option<String>,
    pub wants: Vec<Want>,
}

/// One seal, its number of uses and its users.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    /// A seal's name or device number, as in the form.
    pub seal: String,
    pub count: u32,
    /// Empty for an application by category.
    pub users: Vec<Person>,
    /// The time in which the seal may be used, if it is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// The seal in the vendor's list. `None` until the list was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_vendor: Option<SealAtVendor>,
}

/// A seal as the vendor's list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealAtVendor {
    pub name: String,
    pub device_no: Option<String>,
    pub owner: Option<String>,
}

/// A seal of an application: what the form says, and the seal in the vendor's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PickedSeal {
    /// A name or a device number, as in the form.
    pub picked: String,
    /// Null until the vendor's list was read.
    pub name: Option<String>,
    /// The company that owns the seal.
    pub company: Option<String>,
    pub device_no: Option<String>,
}

/// A person as the vendor knows them: by employee number, else by mobile phone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    pub username: String,
    pub name: String,
    pub number: Option<String>,
    pub mobile: Option<String>,
}

impl SealUse {
    /// Returns the seals of the application, each once, in the order of the form.
    #[must_use]
    pub fn picked_seals(&self) -> Vec<PickedSeal> {
        // Without an application there is no seal.
        let application: Application = serde_json::from_str(&self.application).unwrap_or_default();
        let mut seals: Vec<PickedSeal> = Vec::new();
        let mut seen = HashSet::new();
        for want in application.wants {
            if seen.insert(want.seal.clone()) {
                let found = want.at_vendor;
                seals.push(PickedSeal {
                    picked: want.seal,
                    name: found.as_ref().map(|seal| seal.name.clone()),
                    company: found.as_ref().and_then(|seal| seal.owner.clone()),
                    device_no: found.and_then(|seal| seal.device_no),
                });
            }
        }
        seals
    }

    /// Notes, before its first byte leaves, that this application is sent; its JSON is kept, and the mark of the
    /// secret in its callback address. False when somebody asked
    /// for the end meanwhile: then nothing may be sent.
    pub async fn mark_asked(
        tx: &mut Tx,
        id: &SealUseId,
        application: &str,
        callback_key: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, DbError> {
        let marked = sql("UPDATE seal_uses SET asked_at = $1, application = $2, callback_key = $3, error = NULL
             WHERE id = $4 AND status = 'applying' AND end_asked_at IS NULL")
        .bind(now)
        .bind(application)
        .bind(callback_key.map(str::to_owned))
        .bind(id)
        .execute(tx)
        .await?;
        Ok(marked == 1)
    }

    /// Replaces the marks of callback secrets that are `LIKE` one.
    pub async fn replace_callback_keys(tx: &mut Tx, like: &str, mark: Option<&str>) -> Result<(), DbError> {
        sql("UPDATE seal_uses SET callback_key = $1 WHERE callback_key LIKE $2")
            .bind(mark.map(str::to_owned))
            .bind(like)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Counts the running seal uses whose callback address has none of these secrets.
    pub async fn count_with_other_address(on: impl Into<On<'_>>, keys: &[String]) -> Result<i64, DbError> {
        let list = placeholders(1, keys.len());
        sql(format!(
            "SELECT COUNT(*) FROM seal_uses WHERE ended_at IS NULL AND asked_at IS NOT NULL
               AND status IN ('applying', 'using', 'unknown') AND (callback_key IS NULL OR callback_key NOT IN {list})"
        ))
        .bind_all(keys.iter().cloned())
        .scalar(on)
        .await
    }

    /// The application surely never arrived at the vendor: it may be sent again.
    pub async fn mark_never_arrived(tx: &mut Tx, id: &SealUseId) -> Result<(), DbError> {
        sql("UPDATE seal_uses SET asked_at = NULL WHERE id = $1 AND status = 'applying'").bind(id).execute(tx).await?;
        Ok(())
    }

    /// Has the seal use applied for again, with another application and under `serial_no`. False when it is not in the
    /// state `before` any more, has a business, or is being ended.
    pub async fn apply_again(
        tx: &mut Tx,
        id: &SealUseId,
        before: SealUseStatus,
        application: &str,
        serial_no: &str,
    ) -> Result<bool, DbError> {
        let changed = sql(
            "UPDATE seal_uses SET status = 'applying', asked_at = NULL, error = NULL, application = $1, serial_no = $2
             WHERE id = $3 AND status = $4 AND business_id IS NULL AND end_asked_at IS NULL AND NOT superseded",
        )
        .bind(application)
        .bind(serial_no)
        .bind(id)
        .bind(before)
        .execute(tx)
        .await?;
        Ok(changed > 0)
    }
}
