//! Creates and changes users, by an administrator or at the command line.

use serde::{Deserialize, Deserializer};

use super::{Acting, Role, Roles, User, login::LoginError, new_password, numbers, session, token, username};
use crate::{
    audit::{
        self, Act, NewEntry,
        journal::{Journal, JournalError},
    },
    clock::Timestamp,
    db::{Db, DbError, Tx},
    id::UserId,
    password,
    queue::{self, JobKind},
    vocabulary::FieldError,
};

/// The longest display name in characters.
const LONGEST_NAME: usize = 100;

/// Why a user is not created or changed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    #[error("{}", listed(.0))]
    Invalid(Vec<FieldError>),
    #[error("there is no such user; check the username")]
    NotFound,
    /// Another user who is not disabled has the number.
    #[error("{}", listed(.0))]
    Taken(Vec<FieldError>),
    #[error("the username is taken by {0:?}. Choose another one.")]
    NameTaken(String),
    #[error("the user is the last administrator who is not disabled. Make another user an administrator first.")]
    LastAdministrator,
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error(transparent)]
    Db(#[from] DbError),
}

fn listed(errors: &[FieldError]) -> String {
    let each = errors.iter().map(|error| format!("{}: {}", error.field, error.message));
    each.collect::<Vec<_>>().join("; ")
}

impl UserError {
    pub(super) fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    /// 1 to 64 bytes of letters, digits and `.` `_` `-` `@`. It does not begin with `-`. No other user has it in other case
    /// or width.
    #[schema(max_length = 64, pattern = r"^[\p{L}\p{N}._@-]+$")]
    pub username: String,
    #[schema(pattern = r"\S")]
    pub display_name: String,
    /// Not a common password, a name or a sequence, also with digits or signs added.
    #[schema(min_length = 12, max_length = 256)]
    pub password: String,
    #[schema(min_items = 1)]
    pub roles: Vec<Role>,
    #[schema(max_length = 64)]
    pub employee_no: Option<String>,
    /// Eleven digits that begin with 1, or a number with `+` and the country.
    #[schema(max_length = 64, pattern = r"^\s*(1[2-9]\d{9}|\+\d{7,15})?\s*$")]
    pub mobile: Option<String>,
    /// Username of the manager.
    #[schema(min_length = 1)]
    pub manager: Option<String>,
    /// true: the user must choose another password at the first login.
    #[serde(default)]
    pub must_change: bool,
}

/// Returns users before `after`, newest first. The list has personal data, so it is on record.
pub async fn list(
    acting: Acting<'_>,
    journal: &Journal,
    after: Option<&UserId>,
    limit: i64,
) -> Result<Vec<User>, JournalError> {
    let users = User::list(acting.db, after, limit).await?;
    let subject = after.map_or("users", UserId::as_str);
    journal.write(acting.entry(Act::UsersListed, subject), acting.now).await?;
    Ok(users)
}

/// Creates a user. `by` is the administrator's username, or [`audit::COMMAND_LINE`].
pub async fn create(db: &Db, by: &str, mut new: NewUser, now: Timestamp) -> Result<User, UserError> {
    (new.employee_no, new.mobile) = (numbers::filled(new.employee_no), numbers::filled_mobile(new.mobile));
    let errors = problems(&new);
    if !errors.is_empty() {
        return Err(UserError::Invalid(errors));
    }
    let hash = new_password::hash_new("password", &[&new.username, &new.display_name], new.password).await?;
    let user = User {
        id: UserId::new(),
        username: new.username,
        display_name: new.display_name,
        roles: Roles(new.roles),
        employee_no: new.employee_no,
        mobile: new.mobile,
        manager: new.manager,
        disabled: false,
        must_change: new.must_change,
        totp: false,
        created_at: now,
    };
    let mut tx = db.begin().await?;
    check_manager(&mut tx, &user).await?;
    if let Some(other) = User::alike(&mut tx, &user.username).await? {
        return Err(UserError::NameTaken(other.username));
    }
    numbers::check_free(&mut tx, &user).await?;
    if let Err(error) = user.insert(&hash, &mut tx).await {
        drop(tx);
        return Err(numbers::why_not_written(db, &user, error).await);
    }
    let detail = format!("{}: {}", user.username, user.roles);
    audit::commit(tx, NewEntry::new(by, Act::UserMade, user.id.as_str()).detail(&detail), now).await?;
    Ok(user)
}

/// Checks that the manager exists and is another user.
async fn check_manager(tx: &mut Tx, user: &User) -> Result<(), UserError> {
    let Some(manager) = &user.manager else { return Ok(()) };
    if *manager == user.username {
        return Err(UserError::field("manager", "a user cannot be their own manager; name another user"));
    }
    if User::named(tx, manager).await?.is_none() {
        return Err(UserError::field("manager", format!("there is no user {manager:?}; name another user")));
    }
    Ok(())
}

fn problems(new: &NewUser) -> Vec<FieldError> {
    let mut errors = numbers::malformed(new.employee_no.as_deref(), new.mobile.as_deref());
    errors.extend(username::fault(&new.username).map(|why| FieldError::new("username", why)));
    errors.extend(name_fault(&new.display_name));
    let weak = password::weakness(&new.password, &[&new.username, &new.display_name]);
    errors.extend(weak.map(|why| FieldError::new("password", why)));
    errors.extend(roles_fault(&new.roles));
    errors
}

fn name_fault(display_name: &str) -> Option<FieldError> {
    if display_name.trim().is_empty() {
        Some(FieldError::new("displayName", "must not be empty"))
    } else {
        let is_long = display_name.chars().count() > LONGEST_NAME;
        is_long.then(|| FieldError::new("displayName", format!("must have at most {LONGEST_NAME} characters")))
    }
}

fn roles_fault(roles: &[Role]) -> Option<FieldError> {
    let why = "must name at least one role: admin, operator, archivist, auditor or member";
    roles.is_empty().then(|| FieldError::new("roles", why))
}

/// The changes of a user. An absent member stays unchanged; null empties it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserChange {
    #[schema(pattern = r"\S")]
    pub display_name: Option<String>,
    #[schema(min_items = 1)]
    pub roles: Option<Vec<Role>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub employee_no: Change,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 64, pattern = r"^\s*(1[2-9]\d{9}|\+\d{7,15})?\s*$")]
    pub mobile: Change,
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1)]
    pub manager: Change,
    pub disabled: Option<bool>,
}

/// Reads a member that may be absent: null is different from absent.
#[derive(Debug, Default)]
pub enum Change {
    #[default]
    Keep,
    Empty,
    Set(String),
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map_or(Self::Empty, Self::Set))
    }
}

impl Change {
    fn apply(self, present: Option<String>) -> Option<String> {
        match self {
            Self::Keep => present,
            Self::Empty => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// Changes a user.
pub async fn change(acting: Acting<'_>, id: &UserId, change: UserChange) -> Result<User, UserError> {
    let mut tx = acting.db.begin().await?;
    let takes_rights = change.roles.is_some() || change.disabled.is_some();
    // Before the user, and in the order of their ids: two changes at once wait for each other here.
    let administrators = if takes_rights { User::lock_administrators(&mut tx).await? } else { Vec::new() };
    let before = User::lock(&mut tx, id).await?.ok_or(UserError::NotFound)?;
    let mut user = before.clone();
    user.display_name = change.display_name.unwrap_or(user.display_name);
    user.roles = change.roles.map_or(user.roles, Roles);
    user.employee_no = numbers::filled(change.employee_no.apply(user.employee_no));
    user.mobile = numbers::filled_mobile(change.mobile.apply(user.mobile));
    user.manager = change.manager.apply(user.manager);
    user.disabled = change.disabled.unwrap_or(user.disabled);
    let mut errors = numbers::malformed_change(&before, &user);
    errors.extend(name_fault(&user.display_name));
    errors.extend(roles_fault(&user.roles.0));
    if !errors.is_empty() {
        return Err(UserError::Invalid(errors));
    }
    check_manager(&mut tx, &user).await?;
    numbers::check_free(&mut tx, &user).await?;
    let stays = user.is_admin() && !user.disabled;
    if takes_rights && !stays && administrators.iter().all(|admin| admin.id == user.id) && !administrators.is_empty() {
        return Err(UserError::LastAdministrator);
    }
    if before.disabled != user.disabled || before.roles != user.roles {
        // Flows may wait for people who are gone now, or who are back.
        queue::wake(&mut tx, JobKind::People, id.as_str(), acting.now, acting.now).await?;
    }
    if let Err(error) = user.update(&mut tx).await {
        drop(tx);
        return Err(numbers::why_not_written(acting.db, &user, error).await);
    }
    if user.disabled {
        // For good: a user who is enabled again logs in again and makes new tokens.
        session::end_all(&mut tx, id, None).await?;
        token::revoke_all(&mut tx, id).await?;
    }
    acting.commit(tx, acting.entry(Act::UserChanged, id.as_str()).detail(&difference(&before, &user))).await?;
    Ok(user)
}

/// Describes the changes for the audit log. Rights are shown with their values. Personal data is shown without values,
/// because it can be deleted in the users table but never in the audit log.
fn difference(before: &User, after: &User) -> String {
    let changed = [
        (before.roles != after.roles).then(|| format!("roles {} -> {}", before.roles, after.roles)),
        (before.disabled != after.disabled).then(|| format!("disabled {}", after.disabled)),
        (before.manager != after.manager).then(|| format!("manager {}", after.manager.as_deref().unwrap_or("none"))),
        (before.display_name != after.display_name).then(|| "displayName".to_owned()),
        (before.employee_no != after.employee_no).then(|| "employeeNo".to_owned()),
        (before.mobile != after.mobile).then(|| "mobile".to_owned()),
    ];
    let changed: Vec<String> = changed.into_iter().flatten().collect();
    format!("{}: {}", after.username, if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") })
}
