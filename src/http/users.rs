//! Users, for administrators.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Deserializer};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Edge, Problem,
    input::{Id, Input, Page, Params, limit, parsed},
    session::Admin,
};
use crate::{
    audit::{self, Entry},
    db::Tx,
    definition::FieldError,
    id::UserId,
    user::{Role, Roles, User, login},
};

/// Shortest password: OWASP ASVS 2.1.1 asks for twelve characters.
const SHORTEST_PASSWORD: usize = 12;

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(change))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// `next` of the page before.
    #[param(pattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    pub(super) after: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(super) limit: Option<i64>,
}

/// All users, newest first.
#[utoipa::path(get, path = "/api/users", params(Paging), responses((status = 200, body = Page<User>), (status = 403, body = Problem)))]
async fn list(State(edge): State<Edge>, _: Admin, Params(paging): Params<Paging>) -> Result<Json<Page<User>>, Problem> {
    let limit = limit(paging.limit)?;
    let after: Option<UserId> = parsed("after", paging.after.as_deref())?;
    let users = User::list(&edge.app.db, after.as_ref(), limit + 1).await?;
    Ok(Json(Page::of(users, limit, |user| user.id.to_string())))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewUser {
    /// 1 to 64 bytes of letters, digits and `.` `_` `-` `@`.
    #[schema(max_length = 64, pattern = r"^[\p{L}\p{N}._@-]+$")]
    username: String,
    #[schema(pattern = r"\S")]
    display_name: String,
    #[schema(min_length = 12)]
    password: String,
    #[schema(min_items = 1)]
    roles: Vec<Role>,
    employee_no: Option<String>,
    mobile: Option<String>,
    /// Username.
    #[schema(min_length = 1)]
    manager: Option<String>,
}

/// Makes a user.
#[utoipa::path(post, path = "/api/users", request_body = NewUser, responses((status = 201, body = User), (status = 422, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
async fn create(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Input(new): Input<NewUser>,
) -> Result<(StatusCode, Json<User>), Problem> {
    let errors = problems(&new);
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let hash = login::hash_password(new.password).await?;
    let user = User {
        id: UserId::new(),
        username: new.username,
        display_name: new.display_name,
        roles: Roles(new.roles),
        employee_no: new.employee_no,
        mobile: new.mobile,
        manager: new.manager,
        disabled: false,
        created_at: edge.app.clock.now(),
    };
    let mut tx = edge.app.db.begin().await?;
    manager_exists(&mut tx, &user).await?;
    user.insert(&hash, &mut tx).await?;
    let detail = format!("{}: {}", user.username, user.roles);
    let act = Entry { username: &admin.username, act: "user_made", subject: user.id.as_str(), ..Entry::default() };
    audit::commit(tx, Entry { detail: Some(&detail), ..act }, user.created_at).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// Who is nobody's manager approves nothing.
async fn manager_exists(tx: &mut Tx, user: &User) -> Result<(), Problem> {
    let Some(manager) = &user.manager else { return Ok(()) };
    if *manager == user.username {
        return Err(Problem::field("manager", "nobody is their own manager"));
    }
    if User::named(tx, manager).await?.is_none() {
        return Err(Problem::field("manager", format!("there is no user {manager:?}")));
    }
    Ok(())
}

fn problems(new: &NewUser) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let well_formed = |c: char| c.is_alphanumeric() || "._-@".contains(c);
    if new.username.is_empty() || new.username.len() > 64 || !new.username.chars().all(well_formed) {
        errors.push(FieldError::new("username", "1 to 64 bytes of letters, digits and . _ - @"));
    }
    if new.display_name.trim().is_empty() {
        errors.push(FieldError::new("displayName", "must not be empty"));
    }
    if new.password.chars().count() < SHORTEST_PASSWORD {
        errors.push(FieldError::new("password", format!("at least {SHORTEST_PASSWORD} characters")));
    }
    if new.roles.is_empty() {
        errors.push(FieldError::new("roles", "at least one of admin, operator, archivist, auditor, member"));
    }
    errors
}

/// What to change; absent members stay as they are, null empties.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UserChange {
    display_name: Option<String>,
    roles: Option<Vec<Role>>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    employee_no: Change,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mobile: Change,
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1)]
    manager: Change,
    disabled: Option<bool>,
}

/// What to do with a member: null is not absent.
#[derive(Debug, Default)]
enum Change {
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
#[utoipa::path(patch, path = "/api/users/{id}", params(("id" = UserId, Path)), request_body = UserChange, responses((status = 200, body = User)))]
async fn change(
    State(edge): State<Edge>,
    Admin(admin): Admin,
    Id(id): Id<UserId>,
    Input(change): Input<UserChange>,
) -> Result<Json<User>, Problem> {
    let mut tx = edge.app.db.begin().await?;
    let before = User::lock(&mut tx, &id).await?.ok_or_else(Problem::not_found)?;
    let mut user = before.clone();
    user.display_name = change.display_name.unwrap_or(user.display_name);
    user.roles = change.roles.map_or(user.roles, Roles);
    user.employee_no = change.employee_no.apply(user.employee_no);
    user.mobile = change.mobile.apply(user.mobile);
    user.manager = change.manager.apply(user.manager);
    user.disabled = change.disabled.unwrap_or(user.disabled);
    manager_exists(&mut tx, &user).await?;
    user.update(&mut tx).await?;
    let detail = difference(&before, &user);
    let act = Entry { username: &admin.username, act: "user_changed", subject: id.as_str(), ..Entry::default() };
    audit::commit(tx, Entry { detail: Some(&detail), ..act }, edge.app.clock.now()).await?;
    Ok(Json(user))
}

/// What changed, for the audit log: values where they are rights; of personal data, which can be deleted elsewhere but
/// never there, only that it changed.
fn difference(before: &User, after: &User) -> String {
    let changed = [
        (before.roles != after.roles).then(|| format!("roles {} -> {}", before.roles, after.roles)),
        (before.disabled != after.disabled).then(|| format!("disabled {}", after.disabled)),
        (before.manager != after.manager).then(|| format!("manager {}", after.manager.as_deref().unwrap_or("nobody"))),
        (before.display_name != after.display_name).then(|| "displayName".to_owned()),
        (before.employee_no != after.employee_no).then(|| "employeeNo".to_owned()),
        (before.mobile != after.mobile).then(|| "mobile".to_owned()),
    ];
    let changed: Vec<String> = changed.into_iter().flatten().collect();
    format!("{}: {}", after.username, if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") })
}
