//! The names of people, for pages that have usernames.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::FromRow;

use crate::db::{Db, DbError, On, placeholders, sql};

/// A user as everyone may see them.
#[derive(Clone, Debug, FromRow, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublicName {
    pub username: String,
    pub display_name: String,
}

/// Display names by username.
pub type DisplayNames = BTreeMap<String, String>;

/// Returns the display names of these usernames. Disabled users have names, too. Unknown usernames are left out.
pub async fn display_names(
    on: impl Into<On<'_>>,
    usernames: impl IntoIterator<Item = String>,
) -> Result<DisplayNames, DbError> {
    let usernames: BTreeSet<String> = usernames.into_iter().collect();
    if usernames.is_empty() {
        return Ok(DisplayNames::new());
    }
    let found: Vec<PublicName> =
        sql(format!("SELECT username, display_name FROM users WHERE username IN {}", placeholders(1, usernames.len())))
            .bind_all(usernames)
            .all(on)
            .await?;
    Ok(found.into_iter().map(|user| (user.username, user.display_name)).collect())
}

/// Returns the users whose display name or username contains `q`, by display name. Disabled users are left out.
pub async fn matching(db: &Db, q: &str, limit: usize) -> Result<Vec<PublicName>, DbError> {
    // The engines fold letters differently, so the text is compared here. A company has some thousand users.
    let mut users: Vec<PublicName> = sql("SELECT username, display_name FROM users WHERE NOT disabled").all(db).await?;
    let part = q.trim().to_lowercase();
    let contains = |text: &str| text.to_lowercase().contains(&part);
    users.retain(|user| contains(&user.display_name) || contains(&user.username));
    users.sort_by(|one, other| (&one.display_name, &one.username).cmp(&(&other.display_name, &other.username)));
    users.truncate(limit);
    Ok(users)
}
