//! The person for whom a call at the vendor is made: the user that asked for it, else the applicant.

use crate::{
    db::{Db, DbError},
    provider::Actor,
    seal_use::{Application, SealUse},
    user::User,
};

/// Returns `username` as the vendor knows this person, else the applicant of the seal use. `None` if neither has an
/// employee number or a phone.
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
