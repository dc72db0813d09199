//! A token: the login of a program. It has the rights of its user within a scope, and an end. The database has only the
//! hash of its secret.

use std::time::Duration;

use serde::Serialize;
use sqlx::FromRow;

use super::{
    Acting, User,
    login::{LoginError, random_secret, secret_hash},
    session::{Login, LoginWay},
};
use crate::{
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    db::{Db, DbError, Tx, filter::Filtered, sql},
    id::{TokenId, UserId},
    vocabulary::words,
};

words! {
    /// What a token may do with the rights of its user.
    Scope {
        /// Read: GET and HEAD.
        Read = "read",
        /// Read, and upload files to fields, folders and grants.
        Upload = "upload",
        /// Everything that the user may do, except to make tokens and to change the user's own login.
        All = "all",
    }
}

/// A token without its secret.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    pub id: TokenId,
    pub name: String,
    #[sqlx(try_from = "String")]
    pub scope: Scope,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// The last use. It may be one minute old. `null` if the token was never used.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub used_at: Option<Timestamp>,
}

/// What a new token is for.
#[derive(Clone, Copy, Debug)]
pub struct TokenTerms<'a> {
    pub name: &'a str,
    pub scope: Scope,
    pub days: u32,
}

/// Makes a token with the rights of `owner`, requested by `by`. The secret is shown once.
pub async fn issue(
    db: &Db,
    by: &str,
    owner: &User,
    terms: TokenTerms<'_>,
    detail: &str,
    now: Timestamp,
) -> Result<(Token, String), LoginError> {
    let mut tx = db.begin().await?;
    let (token, secret) = make(&mut tx, &owner.id, terms, now).await?;
    audit::commit(tx, NewEntry::new(by, Act::TokenMade, token.id.as_str()).detail(detail), now).await?;
    Ok((token, secret))
}

/// Makes a token for programs. The secret is shown once.
pub async fn make(
    tx: &mut Tx,
    user: &UserId,
    TokenTerms { name, scope, days }: TokenTerms<'_>,
    now: Timestamp,
) -> Result<(Token, String), LoginError> {
    let secret = format!("yk_{}", random_secret()?);
    let expires_at = now.plus(Duration::from_hours(24 * u64::from(days)));
    let token = Token { id: TokenId::new(), name: name.to_owned(), scope, created_at: now, expires_at, used_at: None };
    sql("INSERT INTO tokens (id, secret_hash, user_id, name, scope, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)")
    .bind(&token.id)
    .bind(secret_hash(&secret))
    .bind(user)
    .bind(name)
    .bind(scope)
    .bind(now)
    .bind(expires_at)
    .execute(tx)
    .await?;
    Ok((token, secret))
}

#[derive(FromRow)]
struct Found {
    #[sqlx(flatten)]
    user: User,
    token_id: TokenId,
    #[sqlx(try_from = "String")]
    scope: Scope,
    used_at: Option<Timestamp>,
}

/// Returns the login of this token. `None` if it has ended.
pub async fn find(db: &Db, secret: &str, now: Timestamp) -> Result<Option<Login>, DbError> {
    let found: Option<Found> =
        sql("SELECT users.*, tokens.id AS token_id, tokens.scope, tokens.used_at FROM users JOIN tokens ON tokens.user_id = users.id
             WHERE tokens.secret_hash = $1 AND tokens.expires_at > $2 AND NOT users.disabled")
        .bind(secret_hash(secret))
        .bind(now)
        .optional(db)
        .await?;
    Ok(found.map(|found| Login::new(found.user, LoginWay::Token(found.token_id, found.scope), found.used_at)))
}

/// Returns the tokens of the user that have not ended, before `after`, newest first.
pub async fn list(acting: Acting<'_>, after: Option<&TokenId>, limit: i64) -> Result<Vec<Token>, DbError> {
    Filtered::new("SELECT * FROM tokens")
        .and("user_id =", Some(&acting.user.id))
        .and("expires_at >", Some(acting.now))
        .and("id <", after)
        .newest_first("id", limit)
        .all(acting.db)
        .await
}

/// Ends a token of the user for good. Returns false if the user has no such token.
pub async fn revoke(acting: Acting<'_>, id: &TokenId) -> Result<bool, DbError> {
    let mut tx = acting.db.begin().await?;
    let revoked = sql("DELETE FROM tokens WHERE id = $1 AND user_id = $2")
        .bind(id)
        .bind(&acting.user.id)
        .execute(&mut tx)
        .await?;
    if revoked > 0 {
        acting.commit(tx, acting.entry(Act::TokenRevoked, id.as_str())).await?;
    }
    Ok(revoked > 0)
}

/// Ends all tokens of a user for good.
pub(super) async fn revoke_all(tx: &mut Tx, user: &UserId) -> Result<(), DbError> {
    sql("DELETE FROM tokens WHERE user_id = $1").bind(user).execute(tx).await?;
    Ok(())
}
