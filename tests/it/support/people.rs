//! People beside those whom every world has.

use serde_json::{Value, json};
use yinku::{
    id::UserId,
    user::{Role, Roles, User},
};

use crate::support::{database::NOW, world::World};

pub(crate) const PASSWORD: &str = "a password of some length";

/// A row of the table of users.
pub(crate) fn user(username: &str, roles: &[Role]) -> User {
    User {
        id: UserId::new(),
        username: username.into(),
        display_name: username.into(),
        roles: Roles(roles.to_vec()),
        employee_no: None,
        mobile: None,
        manager: None,
        disabled: false,
        created_at: NOW,
    }
}

/// An administrator makes a user 陈八, who logs in with [`PASSWORD`].
pub(crate) async fn make_user(world: &World, username: &str, roles: &[&str]) -> Value {
    let user = json!({ "username": username, "displayName": "陈八", "password": PASSWORD, "roles": roles, "mobile": "13800000000" });
    world.caller("admin").await.post("/api/users", &user).await.expect(201)
}
