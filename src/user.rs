//! A user: roles, rights and the ways to log in (password, session, token).

pub mod bootstrap;
mod hashing;
pub mod keyed;
pub mod login;
pub mod manage;
pub mod new_password;
mod numbers;
pub mod people;
pub mod session;
pub mod throttle;
pub mod token;
pub mod totp;
mod username;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::{
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    db::{Db, DbError, On, Tx, filter::Filtered, sql},
    id::{FlowId, UserId},
    vocabulary::words,
};

words! {
    Role {
        /// Configures services, definitions and users. May do everything.
        Admin = "admin",
        /// Runs flows: seal codes, use and end of use.
        Operator = "operator",
        /// Manages the knowledge base.
        Archivist = "archivist",
        /// Reads everything, changes nothing.
        Auditor = "auditor",
        /// Starts flows, and approves where assigned.
        Member = "member",
    }
}

#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: UserId,
    pub username: String,
    pub display_name: String,
    #[sqlx(try_from = "String")]
    #[schema(value_type = Vec<Role>)]
    pub roles: Roles,
    /// The vendor identifies the person by this employee number, else by the mobile phone.
    pub employee_no: Option<String>,
    pub mobile: Option<String>,
    /// Username of the manager.
    pub manager: Option<String>,
    pub disabled: bool,
    /// The user must choose a new password before anything else.
    pub must_change: bool,
    /// A login needs a one-time code.
    pub totp: bool,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// The roles of a user, stored as a JSON list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roles(pub Vec<Role>);

impl TryFrom<String> for Roles {
    type Error = serde_json::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        serde_json::from_str(&text)
    }
}

impl std::fmt::Display for Roles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|role| role.as_str()).collect();
        f.write_str(&words.join("+"))
    }
}

impl Roles {
    fn to_text(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|role| format!("\"{role}\"")).collect();
        format!("[{}]", words.join(","))
    }
}

impl User {
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.0.contains(&role)
    }

    /// Returns true if the user may act on everything.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.has(Role::Admin)
    }

    /// Returns true if the user may read everything.
    #[must_use]
    pub fn reads_all(&self) -> bool {
        self.is_admin() || self.has(Role::Auditor)
    }

    /// Returns the names by which a flow may name this user: the username and each role.
    #[must_use]
    pub fn names_in_flows(&self) -> Vec<String> {
        let roles = self.roles.0.iter().map(|role| format!("role:{role}"));
        [format!("user:{}", self.username)].into_iter().chain(roles).collect()
    }

    pub async fn insert(&self, password_hash: &str, tx: &mut Tx) -> Result<(), DbError> {
        sql("INSERT INTO users (id, username, username_folded, display_name, password_hash, roles, employee_no, mobile, manager, disabled, must_change, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
            .bind(&self.id)
            .bind(&self.username)
            .bind(username::folded(&self.username))
            .bind(&self.display_name)
            .bind(password_hash)
            .bind(self.roles.to_text())
            .bind(self.employee_no.clone())
            .bind(self.mobile.clone())
            .bind(self.manager.clone())
            .bind(self.disabled)
            .bind(self.must_change)
            .bind(self.created_at)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Writes all columns except those of the login.
    pub async fn update(&self, tx: &mut Tx) -> Result<(), DbError> {
        sql("UPDATE users SET display_name = $1, roles = $2, employee_no = $3, mobile = $4, manager = $5, disabled = $6 WHERE id = $7")
            .bind(&self.display_name)
            .bind(self.roles.to_text())
            .bind(self.employee_no.clone())
            .bind(self.mobile.clone())
            .bind(self.manager.clone())
            .bind(self.disabled)
            .bind(&self.id)
            .execute(tx)
            .await?;
        Ok(())
    }

    pub async fn find(on: impl Into<On<'_>>, id: &UserId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM users WHERE id = $1").bind(id).optional(on).await
    }

    /// Reads the user and locks the row until `tx` ends.
    pub async fn lock(tx: &mut Tx, id: &UserId) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM users WHERE id = $1 {for_update}").bind(id).optional(tx).await
    }

    pub async fn named(on: impl Into<On<'_>>, username: &str) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM users WHERE username = $1").bind(username).optional(on).await
    }

    /// Returns the user whose name folds to the same text.
    pub async fn alike(on: impl Into<On<'_>>, username: &str) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM users WHERE username_folded = $1").bind(username::folded(username)).optional(on).await
    }

    /// Locks the administrators who are not disabled, until `tx` ends. Two changes at once cannot take the last two.
    pub async fn lock_administrators(tx: &mut Tx) -> Result<Vec<Self>, DbError> {
        sql("SELECT * FROM users WHERE NOT disabled AND roles LIKE '%\"admin\"%' ORDER BY id {for_update}")
            .all(tx)
            .await
    }

    /// Returns users before `after`, newest first.
    pub async fn list(db: &Db, after: Option<&UserId>, limit: i64) -> Result<Vec<Self>, DbError> {
        Filtered::new("SELECT * FROM users").and("id <", after).newest_first("id", limit).all(db).await
    }
}

/// A user who acts now. An act begins its transaction here and ends it with an entry in the audit log.
#[derive(Clone, Copy, Debug)]
pub struct Acting<'a> {
    pub db: &'a Db,
    pub user: &'a User,
    pub now: Timestamp,
}

impl Acting<'_> {
    /// Builds the audit entry for `act` of this user on the thing with the id `subject`.
    #[must_use]
    pub const fn entry<'e>(&'e self, act: Act, subject: &'e str) -> NewEntry<'e> {
        NewEntry::new(self.user.username.as_str(), act, subject)
    }

    /// Records the act and commits its transaction.
    pub async fn commit(self, tx: Tx, entry: NewEntry<'_>) -> Result<(), DbError> {
        audit::commit(tx, entry, self.now).await
    }

    /// Records the act on a flow and commits its transaction.
    pub async fn commit_to_flow(self, tx: Tx, act: Act, flow: &FlowId, detail: Option<&str>) -> Result<(), DbError> {
        audit::commit(tx, NewEntry::to_flow(&self.user.username, act, flow).detail_if(detail), self.now).await
    }
}

/// The users who are not disabled, by username.
#[derive(Clone, Debug, Default)]
pub struct Directory(HashMap<String, User>);

impl Directory {
    pub async fn load(on: impl Into<On<'_>>) -> Result<Self, DbError> {
        let users: Vec<User> = sql("SELECT * FROM users WHERE NOT disabled").all(on).await?;
        Ok(Self(users.into_iter().map(|user| (user.username.clone(), user)).collect()))
    }

    #[must_use]
    pub fn get(&self, username: &str) -> Option<&User> {
        self.0.get(username)
    }

    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.0.values()
    }
}
