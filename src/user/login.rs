//! Login and logout, and the proof of the password for changes of one's own login. Failures are counted
//! ([`LoginThrottle`]) and audited.

use std::{net::IpAddr, time::Duration};

use rand::TryRng;

use super::{
    User, hashing, session,
    throttle::{FailureReport, LoginThrottle, TooSoon},
    totp,
};
use crate::{
    audit::{
        self, Act, NewEntry,
        journal::{Journal, JournalError},
        origin,
    },
    clock::Timestamp,
    db::{Db, DbError, sql},
    id::UserId,
    secret::{SecretError, Secrets},
};

/// Why a login failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    #[error("the username or the password is wrong; try again")]
    Wrong,
    #[error("the user logs in with a one-time code; send it as totp")]
    TotpRequired,
    #[error("the one-time code is wrong or was used already; enter the next code")]
    WrongCode,
    #[error("too many failed logins; retry after {} s", .0.as_secs())]
    TooMany(Duration),
    #[error("the password could not be hashed")]
    Hash,
    #[error("the operating system returned no random numbers")]
    NoRandom,
    #[error("too many logins in progress; retry after 1 s")]
    Busy,
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<TooSoon> for LoginError {
    fn from(TooSoon(wait): TooSoon) -> Self {
        Self::TooMany(whole_seconds(wait))
    }
}

/// Rounds up, so that an attempt after this time is not refused.
fn whole_seconds(wait: Duration) -> Duration {
    Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

/// What a login sends.
pub struct LoginInput {
    pub username: String,
    pub password: String,
    pub totp: Option<String>,
    /// The secret of the session that the browser has. It ends with the login.
    pub former: Option<String>,
}

impl std::fmt::Debug for LoginInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginInput").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The computer that logs in, and what the login needs of the service.
#[derive(Clone, Copy, Debug)]
pub struct LoginDesk<'a> {
    pub db: &'a Db,
    pub journal: &'a Journal,
    pub secrets: &'a Secrets,
    pub throttle: &'a LoginThrottle,
    pub address: IpAddr,
    /// The name that the browser gives itself.
    pub agent: &'a str,
    pub now: Timestamp,
}

/// A password that was right.
struct Proven {
    id: UserId,
    /// The hash that it was compared with. A new password in the meantime makes the proof void.
    hash: String,
}

impl LoginDesk<'_> {
    /// Logs in and opens a session. The returned secret is the value of the cookie and is shown once. A failed login is
    /// audited too.
    pub async fn enter(&self, credentials: LoginInput) -> Result<(User, String), LoginError> {
        let LoginInput { username, password, totp, former } = credentials;
        let attempt = self.throttle.begin(&username, self.address, self.now)?;
        let entered = match self.prove(&username, password).await? {
            Some(proven) => self.open(&proven, totp.as_deref(), former.as_deref()).await,
            None => Err(LoginError::Wrong),
        };
        match entered {
            Ok(opened) => {
                self.report(attempt.succeeded(self.now)).await?;
                Ok(opened)
            }
            Err(error @ (LoginError::Wrong | LoginError::WrongCode)) => {
                let (wait, report) = attempt.failed(self.now);
                self.report(report.map(|report| report.spelled(&username))).await?;
                Err(wait.map_or(error, LoginError::TooMany))
            }
            Err(other) => Err(other),
        }
    }

    /// Checks the password of a user who is logged in. A failure counts as a failed login.
    pub async fn confirm(&self, user: &User, password: String) -> Result<(), LoginError> {
        let attempt = self.throttle.begin(&user.username, self.address, self.now)?;
        if self.prove(&user.username, password).await?.is_some() {
            return Ok(());
        }
        let (wait, report) = attempt.failed(self.now);
        self.report(report).await?;
        Err(wait.map_or(LoginError::Wrong, LoginError::TooMany))
    }

    /// Compares the password. An unknown name takes as long as a wrong password.
    async fn prove(&self, username: &str, password: String) -> Result<Option<Proven>, LoginError> {
        let row: Option<(UserId, String)> =
            sql("SELECT id, password_hash FROM users WHERE username = $1 AND NOT disabled")
                .bind(username)
                .optional(self.db)
                .await?;
        let (id, hash) = row.unzip();
        let lane = self.throttle.lane(username, self.address);
        let right = hashing::matches(&lane, password, hash.clone()).await?;
        Ok(id.zip(hash).filter(|_| right).map(|(id, hash)| Proven { id, hash }))
    }

    async fn open(
        &self,
        proven: &Proven,
        code: Option<&str>,
        former: Option<&str>,
    ) -> Result<(User, String), LoginError> {
        let mut tx = self.db.begin().await?;
        let user: User = sql("SELECT * FROM users WHERE id = $1 AND password_hash = $2 AND NOT disabled {for_update}")
            .bind(&proven.id)
            .bind(&proven.hash)
            .optional(&mut tx)
            .await?
            .ok_or(LoginError::Wrong)?;
        if user.totp {
            let code = code.ok_or(LoginError::TotpRequired)?;
            if !totp::consume(&mut tx, self.secrets, &user, code, self.now).await? {
                return Err(LoginError::WrongCode);
            }
        }
        if let Some(former) = former {
            session::close(&mut tx, former).await?;
        }
        let address = self.address.to_string();
        let (session, secret) = session::open(&mut tx, &user.id, &address, self.agent, self.now).await?;
        origin::identify(&user.username, format!("session:{session}"));
        let detail = format!("from {}", self.address);
        let entry = NewEntry::new(&user.username, Act::LoggedIn, user.id.as_str()).detail(&detail);
        audit::commit(tx, entry, self.now).await?;
        Ok((user, secret))
    }

    async fn report(&self, report: Option<FailureReport>) -> Result<(), JournalError> {
        record_failures(self.journal, report, self.now).await
    }
}

/// Writes failed logins to the audit log.
pub async fn record_failures(
    journal: &Journal,
    reports: impl IntoIterator<Item = FailureReport>,
    now: Timestamp,
) -> Result<(), JournalError> {
    for FailureReport { name, detail } in reports {
        journal.write(NewEntry::new(&name, Act::LoginFailed, &name).detail(&detail), now).await?;
    }
    Ok(())
}

/// Logs out: closes the session if it is open.
pub async fn leave(db: &Db, secret: &str, now: Timestamp) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    if let Some((session, user)) = session::close(&mut tx, secret).await? {
        origin::identify(&user.username, format!("session:{session}"));
        audit::commit(tx, NewEntry::new(&user.username, Act::LoggedOut, user.id.as_str()), now).await?;
    }
    Ok(())
}

/// Returns 256 random bits as hexadecimal digits.
pub fn random_secret() -> Result<String, LoginError> {
    Ok(hex::encode(random_bytes::<32>()?))
}

pub(super) fn random_bytes<const N: usize>() -> Result<[u8; N], LoginError> {
    let mut bytes = [0u8; N];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(|_| LoginError::NoRandom)?;
    Ok(bytes)
}

/// A fast hash is enough for 256 random bits, because they cannot be guessed.
#[must_use]
pub fn secret_hash(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}
