//! New passwords: by the user, by an administrator, or at the command line.

use super::{
    Acting, User, hashing,
    login::{LoginDesk, LoginError},
    manage::UserError,
    session,
};
use crate::{
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    db::{Db, DbError, Tx, sql},
    id::{SessionId, UserId},
    password,
};

/// Returns the hash of an acceptable password. `field` is the member of the input that has it.
pub(super) async fn hash_new(field: &str, names: &[&str], new: String) -> Result<String, UserError> {
    if let Some(why) = password::weakness(&new, names) {
        return Err(UserError::field(field, why));
    }
    Ok(hashing::hash("", new).await?)
}

/// The user chooses a new password and proves the present one. The user's other sessions end.
pub async fn choose(
    desk: LoginDesk<'_>,
    user: &User,
    current: Option<&SessionId>,
    old: String,
    new: String,
) -> Result<(), UserError> {
    match desk.confirm(user, old.clone()).await {
        Err(LoginError::Wrong) => return Err(UserError::field("old", "is not the present password; enter it again")),
        other => other?,
    }
    if old == new {
        return Err(UserError::field("new", "is the present password; choose another one"));
    }
    let hash = hash_new("new", &[&user.username, &user.display_name], new).await?;
    let mut tx = desk.db.begin().await?;
    set(&mut tx, &user.id, &hash, false).await?;
    session::end_all(&mut tx, &user.id, current).await?;
    let entry = NewEntry::new(&user.username, Act::PasswordChanged, user.id.as_str());
    Ok(audit::commit(tx, entry, desk.now).await?)
}

/// An administrator sets a password. The user must change it at the next login, and the user's sessions end.
pub async fn reset(acting: Acting<'_>, id: &UserId, new: String) -> Result<(), UserError> {
    let user = User::find(acting.db, id).await?.ok_or(UserError::NotFound)?;
    give(acting.db, &acting.user.username, &user, new, true, acting.now).await
}

/// Sets a password for `user` and ends the user's sessions. `by` is the administrator, or [`audit::COMMAND_LINE`].
pub async fn give(
    db: &Db,
    by: &str,
    user: &User,
    new: String,
    must_change: bool,
    now: Timestamp,
) -> Result<(), UserError> {
    let hash = hash_new("password", &[&user.username, &user.display_name], new).await?;
    let mut tx = db.begin().await?;
    set(&mut tx, &user.id, &hash, must_change).await?;
    session::end_all(&mut tx, &user.id, None).await?;
    let entry = NewEntry::new(by, Act::PasswordReset, user.id.as_str()).detail(&user.username);
    Ok(audit::commit(tx, entry, now).await?)
}

async fn set(tx: &mut Tx, user: &UserId, hash: &str, must_change: bool) -> Result<(), DbError> {
    sql("UPDATE users SET password_hash = $1, must_change = $2 WHERE id = $3")
        .bind(hash)
        .bind(must_change)
        .bind(user)
        .execute(tx)
        .await?;
    Ok(())
}
