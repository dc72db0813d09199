//! A session: a login at a browser. It ends after a time without activity, and 12 hours after the login in any case.
//! The database has only the hash of its secret.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use sqlx::FromRow;

use super::{
    Acting, User,
    login::{LoginError, random_secret, secret_hash},
    token::Scope,
};
use crate::{
    audit::Act,
    clock::Timestamp,
    db::{Db, DbError, Tx, filter::Filtered, sql},
    id::{SessionId, TokenId, UserId},
};

/// Longest lifetime of a session after the login.
pub const LIFETIME: Duration = Duration::from_hours(12);
/// Most open sessions of one user. A further login ends the oldest one.
pub const MOST: i64 = 50;
/// How old the time of the last activity may be before it is written again.
const STEP: Duration = Duration::from_mins(1);
/// Longest text of a browser's name that is kept, in characters.
const LONGEST_AGENT: usize = 200;

/// An open session.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub id: SessionId,
    /// The network address of the login.
    pub address: String,
    /// The name that the browser gave itself at the login.
    pub agent: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// The last request of the user. It may be one minute old.
    #[schema(value_type = String, format = DateTime)]
    pub active_at: Timestamp,
    /// The session ends then in any case.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// True for the session of this request.
    #[sqlx(default)]
    pub current: bool,
}

/// How a request is logged in.
#[derive(Debug)]
pub struct Login {
    pub user: Arc<User>,
    pub way: LoginWay,
    /// The last activity that the database has.
    active_at: AtomicI64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginWay {
    Session(SessionId),
    Token(TokenId, Scope),
}

impl std::fmt::Display for LoginWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Session(id) => write!(f, "session:{id}"),
            Self::Token(id, _) => write!(f, "token:{id}"),
        }
    }
}

impl Login {
    pub(super) fn new(user: User, way: LoginWay, active_at: Option<Timestamp>) -> Self {
        let active_at = AtomicI64::new(active_at.map_or(0, |at| at.0));
        Self { user: Arc::new(user), way, active_at }
    }

    /// The session of this login. `None` for a token.
    #[must_use]
    pub const fn session(&self) -> Option<&SessionId> {
        match &self.way {
            LoginWay::Session(id) => Some(id),
            LoginWay::Token(..) => None,
        }
    }

    /// Notes that the user or the program is active. The write does not delay the request, and it is skipped if the
    /// last one is less than a minute old.
    pub fn touch(self: &Arc<Self>, db: &Db, now: Timestamp) {
        let last = self.active_at.load(Ordering::Relaxed);
        let is_due = now.since(Timestamp(last)) >= STEP;
        if !is_due || self.active_at.compare_exchange(last, now.0, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let (login, db) = (Arc::clone(self), db.clone());
        tokio::spawn(async move {
            if let Err(error) = login.write_activity(&db, now).await {
                tracing::warn!(%error, "the last activity of a login is not written");
            }
        });
    }

    async fn write_activity(&self, db: &Db, now: Timestamp) -> Result<(), DbError> {
        let mut tx = db.begin().await?;
        match &self.way {
            LoginWay::Session(id) => {
                sql("UPDATE sessions SET active_at = $1 WHERE id = $2 AND active_at < $1")
                    .bind(now)
                    .bind(id)
                    .execute(&mut tx)
                    .await?;
            }
            LoginWay::Token(id, _) => {
                sql("UPDATE tokens SET used_at = $1 WHERE id = $2").bind(now).bind(id).execute(&mut tx).await?;
            }
        }
        tx.commit().await
    }
}

#[derive(FromRow)]
struct Found {
    #[sqlx(flatten)]
    user: User,
    session_id: SessionId,
    active_at: Timestamp,
}

/// Returns the login of the session with this cookie. `None` if it has ended or was idle for longer than `idle`.
pub async fn find(db: &Db, secret: &str, idle: Duration, now: Timestamp) -> Result<Option<Login>, DbError> {
    let found: Option<Found> =
        sql("SELECT users.*, sessions.id AS session_id, sessions.active_at FROM users JOIN sessions ON sessions.user_id = users.id
             WHERE sessions.secret_hash = $1 AND sessions.expires_at > $2 AND sessions.active_at > $3 AND NOT users.disabled")
        .bind(secret_hash(secret))
        .bind(now)
        .bind(now.minus(idle))
        .optional(db)
        .await?;
    Ok(found.map(|found| Login::new(found.user, LoginWay::Session(found.session_id), Some(found.active_at))))
}

/// Opens a session. The secret is the value of the cookie and is shown once.
pub(super) async fn open(
    tx: &mut Tx,
    user: &UserId,
    address: &str,
    agent: &str,
    now: Timestamp,
) -> Result<(SessionId, String), LoginError> {
    let (id, secret) = (SessionId::new(), random_secret()?);
    let agent: String = agent.chars().take(LONGEST_AGENT).collect();
    sql("INSERT INTO sessions (id, secret_hash, user_id, address, agent, created_at, active_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7)")
    .bind(&id)
    .bind(secret_hash(&secret))
    .bind(user)
    .bind(address)
    .bind(agent)
    .bind(now)
    .bind(now.plus(LIFETIME))
    .execute(&mut *tx)
    .await?;
    sql("DELETE FROM sessions WHERE expires_at < $1").bind(now).execute(&mut *tx).await?;
    sql("DELETE FROM sessions WHERE user_id = $1 AND id NOT IN (
           SELECT id FROM sessions WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2)")
    .bind(user)
    .bind(MOST)
    .execute(tx)
    .await?;
    Ok((id, secret))
}

/// Closes a session. Returns it and its user if it was open.
pub(super) async fn close(tx: &mut Tx, secret: &str) -> Result<Option<(SessionId, User)>, DbError> {
    let closed: Option<(SessionId, UserId)> = sql("DELETE FROM sessions WHERE secret_hash = $1 RETURNING id, user_id")
        .bind(secret_hash(secret))
        .optional(&mut *tx)
        .await?;
    match closed {
        Some((id, user)) => Ok(User::find(tx, &user).await?.map(|user| (id, user))),
        None => Ok(None),
    }
}

/// Returns the open sessions of the user before `after`, newest first.
pub async fn list(
    acting: Acting<'_>,
    idle: Duration,
    after: Option<&SessionId>,
    limit: i64,
) -> Result<Vec<Session>, DbError> {
    Filtered::new("SELECT * FROM sessions")
        .and("user_id =", Some(&acting.user.id))
        .and("expires_at >", Some(acting.now))
        .and("active_at >", Some(acting.now.minus(idle)))
        .and("id <", after)
        .newest_first("id", limit)
        .all(acting.db)
        .await
}

/// Ends one session of the user. Returns false if the user has no such session.
pub async fn end(acting: Acting<'_>, id: &SessionId) -> Result<bool, DbError> {
    let mut tx = acting.db.begin().await?;
    let ended = sql("DELETE FROM sessions WHERE id = $1 AND user_id = $2")
        .bind(id)
        .bind(&acting.user.id)
        .execute(&mut tx)
        .await?;
    if ended > 0 {
        acting.commit(tx, acting.entry(Act::SessionEnded, id.as_str())).await?;
    }
    Ok(ended > 0)
}

/// Ends the sessions of the user except `current`.
pub async fn end_others(acting: Acting<'_>, current: Option<&SessionId>) -> Result<(), DbError> {
    let mut tx = acting.db.begin().await?;
    let ended = end_all(&mut tx, &acting.user.id, current).await?;
    if ended == 0 {
        return Ok(());
    }
    let detail = format!("{ended} sessions");
    acting.commit(tx, acting.entry(Act::SessionEnded, acting.user.id.as_str()).detail(&detail)).await
}

/// Ends the sessions of a user except `kept`. Returns how many.
pub(super) async fn end_all(tx: &mut Tx, user: &UserId, kept: Option<&SessionId>) -> Result<u64, DbError> {
    sql("DELETE FROM sessions WHERE user_id = $1 AND id <> $2")
        .bind(user)
        .bind(kept.map_or("", SessionId::as_str))
        .execute(tx)
        .await
}
