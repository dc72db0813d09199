//! Passwords (argon2id), sessions and tokens. Secrets are 256 random bits. The database holds only their hashes.

use std::time::Duration;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use rand::TryRng;
use tokio::sync::Semaphore;

use super::User;
use crate::{
    audit::{
        self, Act, NewEntry,
        journal::{Journal, JournalError},
    },
    clock::Timestamp,
    db::{Db, DbError, Tx, sql},
    id::{TokenId, UserId},
};

/// Lifetime of a session after the login.
pub const SESSION: Duration = Duration::from_hours(12);

/// Why a login failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    #[error("the username or the password is wrong; try again")]
    Wrong,
    #[error("the password could not be hashed")]
    Hash,
    #[error("the operating system returned no random numbers")]
    NoRandom,
    #[error("too many logins in progress; retry after 1 s")]
    Busy,
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Limit of concurrent password hashes: each takes 19 MiB and one core.
static PASSWORDS: Semaphore = Semaphore::const_new(4);
/// How long a password waits for a free slot.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs the hash on a blocking thread with a limit, because it takes tens of milliseconds on purpose.
async fn hashing<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LoginError> {
    let permit = tokio::time::timeout(PATIENCE, PASSWORDS.acquire()).await.map_err(|_| LoginError::Busy)?;
    let hashed = tokio::task::spawn_blocking(move || {
        // The permit moves into the work, because the work continues when its client disconnects.
        let _permit = permit;
        work()
    });
    hashed.await.map_err(|_| LoginError::Hash)
}

/// Hashes a password with argon2id and a random salt.
pub async fn hash_password(password: String) -> Result<String, LoginError> {
    let hash = move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string());
    hashing(hash).await?.map_err(|_| LoginError::Hash)
}

/// Returns the user with this name and password. An unknown name takes as long as a wrong password.
pub async fn log_in(db: &Db, username: &str, password: String) -> Result<User, LoginError> {
    let row: Option<(String,)> =
        sql("SELECT password_hash FROM users WHERE username = $1 AND NOT disabled").bind(username).optional(db).await?;
    let known = row.is_some();
    let hash = row.map_or_else(|| UNKNOWN_USER_HASH.to_owned(), |row| row.0);
    let matches = hashing(move || {
        PasswordHash::new(&hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    })
    .await?;
    if !(known && matches) {
        return Err(LoginError::Wrong);
    }
    User::named(db, username).await?.ok_or(LoginError::Wrong)
}

/// A hash of no known password. It is verified for unknown names.
const UNKNOWN_USER_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Logs in and opens a session. The returned secret is the value of the cookie and is shown once. A failed login is
/// audited too.
pub async fn enter(
    db: &Db,
    journal: &Journal,
    username: &str,
    password: String,
    peer: &str,
    now: Timestamp,
) -> Result<(User, String), LoginError> {
    let known = log_in(db, username, password).await;
    if let Err(LoginError::Wrong) = known {
        journal.write(NewEntry::new(username, Act::LoginFailed, username).detail(peer), now).await?;
    }
    let user = known?;
    let mut tx = db.begin().await?;
    let secret = open_session(&mut tx, &user.id, now).await?;
    audit::commit(tx, NewEntry::new(&user.username, Act::LoggedIn, user.id.as_str()).detail(peer), now).await?;
    Ok((user, secret))
}

/// Logs out: closes the session if it is open.
pub async fn leave(db: &Db, secret: &str, now: Timestamp) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    if let Some(user) = close_session(&mut tx, secret).await? {
        audit::commit(tx, NewEntry::new(&user.username, Act::LoggedOut, user.id.as_str()), now).await?;
    }
    Ok(())
}

/// Makes a token with the rights of `owner`, requested by `by`. The secret is shown once.
pub async fn issue_token(
    db: &Db,
    by: &str,
    owner: &User,
    name: &str,
    detail: &str,
    now: Timestamp,
) -> Result<(TokenId, String), LoginError> {
    let mut tx = db.begin().await?;
    let (id, secret) = make_token(&mut tx, &owner.id, name, now).await?;
    audit::commit(tx, NewEntry::new(by, Act::TokenMade, id.as_str()).detail(detail), now).await?;
    Ok((id, secret))
}

/// Opens a session. The returned secret is the value of the cookie and is shown once.
async fn open_session(tx: &mut Tx, user: &UserId, now: Timestamp) -> Result<String, LoginError> {
    let secret = random_secret()?;
    sql("INSERT INTO sessions (secret_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)")
        .bind(secret_hash(&secret))
        .bind(user)
        .bind(now)
        .bind(now.plus(SESSION))
        .execute(&mut *tx)
        .await?;
    sql("DELETE FROM sessions WHERE expires_at < $1").bind(now).execute(tx).await?;
    Ok(secret)
}

/// Closes a session. Returns its user if it was open.
async fn close_session(tx: &mut Tx, secret: &str) -> Result<Option<User>, DbError> {
    let closed: Option<(UserId,)> = sql("DELETE FROM sessions WHERE secret_hash = $1 RETURNING user_id")
        .bind(secret_hash(secret))
        .optional(&mut *tx)
        .await?;
    match closed {
        Some((user,)) => User::find(tx, &user).await,
        None => Ok(None),
    }
}

/// Makes a token for programs. The secret is shown once.
pub async fn make_token(
    tx: &mut Tx,
    user: &UserId,
    name: &str,
    now: Timestamp,
) -> Result<(TokenId, String), LoginError> {
    let secret = format!("yk_{}", random_secret()?);
    let id = TokenId::new();
    sql("INSERT INTO tokens (id, secret_hash, user_id, name, created_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(&id)
        .bind(secret_hash(&secret))
        .bind(user)
        .bind(name)
        .bind(now)
        .execute(tx)
        .await?;
    Ok((id, secret))
}

/// Returns the user of the session with this cookie.
pub async fn by_session(db: &Db, secret: &str, now: Timestamp) -> Result<Option<User>, DbError> {
    sql("SELECT users.* FROM users JOIN sessions ON sessions.user_id = users.id
         WHERE sessions.secret_hash = $1 AND sessions.expires_at > $2 AND NOT users.disabled")
    .bind(secret_hash(secret))
    .bind(now)
    .optional(db)
    .await
}

/// Returns the user of this token.
pub async fn by_token(db: &Db, secret: &str) -> Result<Option<User>, DbError> {
    sql("SELECT users.* FROM users JOIN tokens ON tokens.user_id = users.id
         WHERE tokens.secret_hash = $1 AND NOT users.disabled")
    .bind(secret_hash(secret))
    .optional(db)
    .await
}

pub(super) fn random_secret() -> Result<String, LoginError> {
    let mut bytes = [0u8; 32];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(|_| LoginError::NoRandom)?;
    Ok(hex::encode(bytes))
}

/// A fast hash is enough for 256 random bits, because they cannot be guessed.
#[must_use]
pub fn secret_hash(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}

/// Names a session or token in the audit log: its kind, and the first digits of its stored hash. Nobody can log in with
/// the name.
#[must_use]
pub fn short_name(kind: &str, secret: &str) -> String {
    format!("{kind}:{}", &secret_hash(secret)[..16])
}
