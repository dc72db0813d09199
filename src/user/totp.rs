//! One-time codes (TOTP, RFC 6238): six digits, 30 s, one step before and after. Each code is accepted once.

use totp_rs::{Builder, Secret, Totp};

use super::{
    Acting, User,
    login::{LoginError, random_bytes},
    session,
};
use crate::{
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    db::{Db, DbError, On, Tx, sql},
    id::{SessionId, UserId},
    secret::{SecretError, Secrets},
};

/// The name of this service in an authenticator.
const ISSUER: &str = "yinku";
/// Length of a seed in bytes (RFC 4226 recommends 160 bits).
const SEED: usize = 20;

#[derive(Debug, thiserror::Error)]
pub enum TotpError {
    #[error("one-time codes are on already; remove them first")]
    IsOn,
    #[error("the set-up has not begun; send the request without a code first")]
    NotBegun,
    #[error("the code is wrong; enter the present code of the authenticator")]
    WrongCode,
    #[error("one-time codes cannot be set up")]
    Seed,
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Begins the set-up. Returns the address that the user's authenticator reads. Codes are not required yet.
pub async fn begin(acting: Acting<'_>, secrets: &Secrets) -> Result<String, TotpError> {
    let seed = random_bytes::<SEED>()?;
    let uri = generator(&seed, &acting.user.username).and_then(|totp| totp.to_url().ok()).ok_or(TotpError::Seed)?;
    let mut tx = acting.db.begin().await?;
    let begun = sql("UPDATE users SET totp_pending = $1 WHERE id = $2 AND NOT totp")
        .bind(kept(&seed, secrets, &acting.user.id)?)
        .bind(&acting.user.id)
        .execute(&mut tx)
        .await?;
    if begun == 0 {
        return Err(TotpError::IsOn);
    }
    tx.commit().await?;
    Ok(uri)
}

/// Ends the set-up with the first code. From now on a login needs a code. The other sessions of the user, which are
/// without a code, end.
pub async fn confirm(
    acting: Acting<'_>,
    secrets: &Secrets,
    code: &str,
    current: Option<&SessionId>,
) -> Result<(), TotpError> {
    let mut tx = acting.db.begin().await?;
    let user = User::lock(&mut tx, &acting.user.id).await?.ok_or(DbError::RowNotFound)?;
    if user.totp {
        return Err(TotpError::IsOn);
    }
    let (pending,): (Option<String>,) =
        sql("SELECT totp_pending FROM users WHERE id = $1").bind(&user.id).one(&mut tx).await?;
    let seed = read(&pending.ok_or(TotpError::NotBegun)?, secrets, &user.id)?;
    let step = step_of(&seed, &user, code, acting.now).ok_or(TotpError::WrongCode)?;
    sql("UPDATE users SET totp = TRUE, totp_seed = totp_pending, totp_pending = NULL, totp_step = $1 WHERE id = $2")
        .bind(step)
        .bind(&user.id)
        .execute(&mut tx)
        .await?;
    session::end_all(&mut tx, &user.id, current).await?;
    Ok(acting.commit(tx, acting.entry(Act::TotpSetUp, user.id.as_str())).await?)
}

/// Removes the codes of the user who acts. The other sessions of the user end.
pub async fn remove_own(acting: Acting<'_>, current: &SessionId) -> Result<(), DbError> {
    if remove(acting.db, &acting.user.username, &acting.user.id, acting.now).await? {
        session::end_others(acting, Some(current)).await?;
    }
    Ok(())
}

/// Removes the codes of a user. `by` is the user, an administrator or the command line. Returns false without codes.
pub async fn remove(db: &Db, by: &str, user: &UserId, now: Timestamp) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    let removed =
        sql("UPDATE users SET totp = FALSE, totp_seed = NULL, totp_pending = NULL WHERE id = $1 AND (totp OR totp_pending IS NOT NULL)")
            .bind(user)
            .execute(&mut tx)
            .await?;
    if removed > 0 {
        audit::commit(tx, NewEntry::new(by, Act::TotpRemoved, user.as_str()), now).await?;
    }
    Ok(removed > 0)
}

/// Accepts the code if it is right and was not used before. Its step counts as used when `tx` commits.
pub(super) async fn consume(
    tx: &mut Tx,
    secrets: &Secrets,
    user: &User,
    code: &str,
    now: Timestamp,
) -> Result<bool, LoginError> {
    let (seed,): (Option<String>,) =
        sql("SELECT totp_seed FROM users WHERE id = $1").bind(&user.id).one(&mut *tx).await?;
    let Some(seed) = seed else { return Ok(false) };
    let Some(step) = step_of(&read(&seed, secrets, &user.id)?, user, code, now) else { return Ok(false) };
    let mark = sql("UPDATE users SET totp_step = $1 WHERE id = $2 AND totp_step < $1").bind(step).bind(&user.id);
    Ok(mark.execute(tx).await? > 0)
}

/// Returns the step of a right code.
fn step_of(seed: &[u8], user: &User, code: &str, now: Timestamp) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let seconds = u64::try_from(now.0 / 1_000_000).ok()?;
    i64::try_from(generator(seed, &user.username)?.check(&code, seconds)?).ok()
}

/// SHA-1, six digits and 30 s, as every authenticator expects.
fn generator(seed: &[u8], username: &str) -> Option<Totp> {
    let builder =
        Builder::new().with_secret(Secret::new(seed.into())).with_account_name(username).with_issuer(Some(ISSUER));
    builder.build().ok()
}

fn place(user: &UserId) -> String {
    format!("users.totp_seed:{user}")
}

/// The seed as the database has it.
fn kept(seed: &[u8], secrets: &Secrets, user: &UserId) -> Result<String, SecretError> {
    secrets.seal(&hex::encode(seed), &place(user))
}

/// The seed out of the database.
fn read(kept: &str, secrets: &Secrets, user: &UserId) -> Result<Vec<u8>, SecretError> {
    hex::decode(secrets.open(kept, &place(user))?).map_err(|_| SecretError::Damaged)
}

/// Returns every seed as it is stored.
pub async fn stored_seeds(on: impl Into<On<'_>>) -> Result<Vec<String>, DbError> {
    let seeds = "SELECT totp_seed FROM users WHERE totp_seed IS NOT NULL
                 UNION ALL SELECT totp_pending FROM users WHERE totp_pending IS NOT NULL";
    let rows: Vec<(String,)> = sql(seeds).all(on).await?;
    Ok(rows.into_iter().map(|(stored,)| stored).collect())
}

/// Seals the seeds that were stored in clear before there was a key. Returns their number.
pub async fn seal_clear_seeds(db: &Db, secrets: &Secrets) -> Result<usize, TotpError> {
    let mut tx = db.begin().await?;
    let mut sealed = 0;
    for column in ["totp_seed", "totp_pending"] {
        let select = format!("SELECT id, {column} FROM users WHERE {column} LIKE 'clear:%' ORDER BY id {{for_update}}");
        let clear: Vec<(UserId, String)> = sql(select).all(&mut tx).await?;
        for (id, stored) in clear {
            let seed = read(&stored, secrets, &id)?;
            sql(format!("UPDATE users SET {column} = $1 WHERE id = $2"))
                .bind(kept(&seed, secrets, &id)?)
                .bind(&id)
                .execute(&mut tx)
                .await?;
            sealed += 1;
        }
    }
    tx.commit().await?;
    Ok(sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the last six of eight digits.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        let totp = generator(b"12345678901234567890", "chen").unwrap();
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert_eq!(totp.generate(seconds).to_string(), code);
            assert_eq!(totp.check(code, seconds + 30), Some(seconds / 30), "one step later");
            assert_eq!(totp.check(code, seconds + 60), None);
        }
        assert!(totp.to_url().unwrap().starts_with("otpauth://totp/yinku:chen?"));
    }
}
