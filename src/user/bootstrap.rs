//! The first start creates the user `admin`.

use super::{
    Role, Roles, User, hashing,
    login::{LoginError, random_secret},
};
use crate::{
    audit::{self, Act, COMMAND_LINE, NewEntry},
    clock::Timestamp,
    db::Db,
    id::UserId,
};

/// Creates `admin` if there is no user with this name. Without a configured password, a random password is made and
/// returned. Show it once.
pub async fn admin(db: &Db, configured: Option<&str>, now: Timestamp) -> Result<Option<String>, LoginError> {
    if User::alike(db, "admin").await?.is_some() {
        return Ok(None);
    }
    let random = match configured {
        Some(_) => None,
        None => Some(random_secret()?[..24].to_owned()),
    };
    let password = configured.or(random.as_deref()).unwrap_or_default().to_owned();
    let hash = hashing::hash("", password).await?;
    let admin = User {
        id: UserId::new(),
        username: "admin".to_owned(),
        display_name: "管理员".to_owned(),
        roles: Roles(vec![Role::Admin]),
        employee_no: None,
        mobile: None,
        manager: None,
        disabled: false,
        must_change: false,
        totp: false,
        created_at: now,
    };
    let mut tx = db.begin().await?;
    admin.insert(&hash, &mut tx).await?;
    let act = NewEntry::new(COMMAND_LINE, Act::UserMade, admin.id.as_str()).detail("admin, at the first start");
    audit::commit(tx, act, now).await?;
    Ok(random)
}
