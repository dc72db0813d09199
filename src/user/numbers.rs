//! Employee numbers and mobile phones. The vendor names a person by them, so each belongs to one user who is not
//! disabled.

use super::{User, manage::UserError};
use crate::{
    db::{Db, DbError, On, sql},
    vocabulary::FieldError,
};

/// Trims a number. `None` if nothing remains.
pub(super) fn filled(number: Option<String>) -> Option<String> {
    number.map(|number| number.trim().to_owned()).filter(|number| !number.is_empty())
}

/// Trims a mobile phone. A phone of China has one form: `+86` before 11 digits is left out, as the vendor leaves it out.
pub(super) fn filled_mobile(mobile: Option<String>) -> Option<String> {
    filled(mobile).map(|mobile| plain(&mobile).to_owned())
}

fn plain(mobile: &str) -> &str {
    mobile.strip_prefix("+86").filter(|rest| rest.len() == 11 && is_mobile(rest)).unwrap_or(mobile)
}

/// Returns what is wrong with the form of the numbers. An index contains them, so they are bounded.
pub(super) fn malformed(employee_no: Option<&str>, mobile: Option<&str>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if employee_no.is_some_and(|number| number.chars().count() > 64) {
        errors.push(FieldError::new("employeeNo", "must have at most 64 characters"));
    }
    if mobile.is_some_and(|mobile| !is_mobile(mobile)) {
        let message = "must be 11 digits that begin with 1, or + and 7 to 15 digits";
        errors.push(FieldError::new("mobile", message));
    }
    errors
}

/// As [`malformed`], for the numbers that a change writes.
pub(super) fn malformed_change(before: &User, after: &User) -> Vec<FieldError> {
    let changed = |old: &Option<String>, new: &'_ Option<String>| new.clone().filter(|_| old != new);
    let employee_no = changed(&before.employee_no, &after.employee_no);
    malformed(employee_no.as_deref(), changed(&before.mobile, &after.mobile).as_deref())
}

fn is_mobile(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match text.strip_prefix('+') {
        Some(abroad) => (7..=15).contains(&abroad.len()) && digits(abroad),
        None => text.len() == 11 && digits(text) && matches!(text.as_bytes(), [b'1', b'2'..=b'9', ..]),
    }
}

/// Fails if another user who is not disabled has a number of `user`. A disabled user may keep numbers that others have.
pub(super) async fn check_free(on: impl Into<On<'_>>, user: &User) -> Result<(), UserError> {
    if user.disabled || (user.employee_no.is_none() && user.mobile.is_none()) {
        return Ok(());
    }
    let others: Vec<User> = sql(
        "SELECT * FROM users WHERE NOT disabled AND id <> $1 AND (employee_no = $2 OR mobile = $3) ORDER BY username",
    )
    .bind(&user.id)
    .bind(user.employee_no.clone())
    .bind(user.mobile.clone())
    .all(on)
    .await?;
    let taken = |field: &str, number: fn(&User) -> Option<&String>| {
        let other = others.iter().find(|other| number(user).is_some() && number(other) == number(user))?;
        Some(FieldError::new(field, format!("{} has it already; correct one of the two users", other.username)))
    };
    let errors: Vec<FieldError> =
        [taken("employeeNo", |user| user.employee_no.as_ref()), taken("mobile", |user| user.mobile.as_ref())]
            .into_iter()
            .flatten()
            .collect();
    if errors.is_empty() { Ok(()) } else { Err(UserError::Taken(errors)) }
}

/// Returns why the database refused the row: another request has written the same number meanwhile, or `error`.
pub(super) async fn why_not_written(db: &Db, user: &User, error: DbError) -> UserError {
    let repeats = matches!(&error, DbError::Database(cause) if cause.is_unique_violation());
    match check_free(db, user).await {
        Err(taken @ UserError::Taken(_)) if repeats => taken,
        _ => error.into(),
    }
}

impl User {
    /// Returns the user whom the vendor names by employee number, else by mobile phone.
    pub async fn with_number(
        on: impl Into<On<'_>>,
        number: Option<&str>,
        mobile: Option<&str>,
    ) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM users WHERE NOT disabled AND (employee_no = $1 OR mobile = $2)
             ORDER BY CASE WHEN employee_no = $1 THEN 0 ELSE 1 END LIMIT 1")
        .bind(number)
        .bind(mobile.map(plain))
        .optional(on)
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::{filled_mobile, is_mobile};

    #[test]
    fn a_phone_of_china_has_one_form() {
        let kept = |mobile: &str| filled_mobile(Some(mobile.to_owned())).unwrap();
        for form in ["13800000003", " +8613800000003 "] {
            assert_eq!(kept(form), "13800000003", "{form}");
        }
        for other in ["+85291234567", "+86138000000", "+8601088888888"] {
            assert_eq!(kept(other), other);
        }
    }

    #[test]
    fn a_mobile_has_the_form_of_one() {
        for mobile in ["13800000001", "19912345678", "+85291234567"] {
            assert!(is_mobile(mobile), "{mobile}");
        }
        for other in ["", "1380000000", "138000000011", "03800000001", "1080000000a", "E001", "+86", "138 0000 0001"] {
            assert!(!is_mobile(other), "{other}");
        }
    }
}
