//! The names of people, for pages that have usernames.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::FromRow;

use super::{Role, Roles};
use crate::db::{Db, DbError, On, placeholders, sql};

/// A user as everyone may see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublicName {
    pub username: String,
    /// A name that several users have is followed by the employee number, or by the username: `王五 · A0012`.
    pub display_name: String,
}

#[derive(FromRow)]
struct Bearer {
    username: String,
    display_name: String,
    employee_no: Option<String>,
    disabled: bool,
}

/// Tells users of one name apart. `bearers` has all users of each name in it.
fn told_apart(bearers: &[Bearer]) -> impl Iterator<Item = (&Bearer, PublicName)> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for bearer in bearers {
        *times.entry(&bearer.display_name).or_default() += 1;
    }
    bearers.iter().map(move |bearer| {
        let Bearer { username, display_name, employee_no, .. } = bearer;
        let display_name = if times[display_name.as_str()] > 1 {
            format!("{display_name} · {}", employee_no.as_ref().unwrap_or(username))
        } else {
            display_name.clone()
        };
        (bearer, PublicName { username: username.clone(), display_name })
    })
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
    let bearers: Vec<Bearer> = sql(format!(
        "SELECT username, display_name, employee_no, disabled FROM users
         WHERE display_name IN (SELECT display_name FROM users WHERE username IN {})",
        placeholders(1, usernames.len())
    ))
    .bind_all(usernames.iter().cloned())
    .all(on)
    .await?;
    Ok(told_apart(&bearers)
        .filter(|(_, user)| usernames.contains(&user.username))
        .map(|(_, user)| (user.username, user.display_name))
        .collect())
}

/// How many users have a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RoleCount {
    pub role: Role,
    /// Disabled users do not count.
    pub people: usize,
}

#[derive(FromRow)]
struct RolesOf {
    #[sqlx(try_from = "String")]
    roles: Roles,
}

/// Returns the number of users of each role. A role without users has 0.
pub async fn of_roles(db: &Db) -> Result<Vec<RoleCount>, DbError> {
    let all: Vec<RolesOf> = sql("SELECT roles FROM users WHERE NOT disabled").all(db).await?;
    let people = |role: Role| all.iter().filter(|one| one.roles.0.contains(&role)).count();
    Ok(Role::ALL.iter().map(|role| RoleCount { role: *role, people: people(*role) }).collect())
}

/// Returns the users whose display name or username contains `q`, by display name. Disabled users are left out.
pub async fn matching(db: &Db, q: &str, limit: usize) -> Result<Vec<PublicName>, DbError> {
    // The engines fold letters differently, so the text is compared here. A company has some thousand users.
    let bearers: Vec<Bearer> = sql("SELECT username, display_name, employee_no, disabled FROM users").all(db).await?;
    let part = q.trim().to_lowercase();
    let contains = |text: &str| text.to_lowercase().contains(&part);
    let mut users: Vec<PublicName> = told_apart(&bearers)
        .filter(|(bearer, user)| !bearer.disabled && (contains(&user.display_name) || contains(&user.username)))
        .map(|(_, user)| user)
        .collect();
    users.sort_by(|one, other| (&one.display_name, &one.username).cmp(&(&other.display_name, &other.username)));
    users.truncate(limit);
    Ok(users)
}
