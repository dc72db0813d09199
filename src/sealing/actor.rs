//! Who acts at the vendor: the person who asked for it, else the applicant.

use crate::{
    db::{Db, DbError},
    provider::Actor,
    seal_use::{Application, SealUse},
    user::User,
};

/// `username` as the vendor knows them, else the seal use's applicant; `None` when neither can be reached.
pub async fn acting(db: &Db, username: Option<&str>, seal_use: &SealUse) -> Result<Option<Actor>, DbError> {
    let user = match username {
        Some(username) => User::named(db, username).await?,
        None => None,
    };
    let own = user.and_then(|user| Actor::new(user.employee_no.as_deref(), user.mobile.as_deref(), &user.display_name));
    let application: Application = serde_json::from_str(&seal_use.application).unwrap_or_default();
    let applicant = application.applicant;
    Ok(own.or_else(|| Actor::new(applicant.number.as_deref(), applicant.mobile.as_deref(), &applicant.name)))
}
