//! People beside those whom every world has.

use serde_json::{Value, json};
use yinku::{
    id::UserId,
    user::{Role, Roles, User, new_password},
};

use crate::support::{caller::Caller, database::NOW, world::World};

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
        must_change: false,
        totp: false,
        created_at: NOW,
    }
}

/// An administrator makes a user 陈八, who logs in with [`PASSWORD`].
pub(crate) async fn make_user(world: &World, username: &str, roles: &[&str]) -> Value {
    let user = json!({ "username": username, "displayName": "陈八", "password": PASSWORD, "roles": roles, "mobile": "13800000000" });
    world.caller("admin").await.post("/api/users", &user).await.expect(201)
}

/// The body of a login with [`PASSWORD`].
pub(crate) fn login(username: &str) -> Value {
    json!({ "username": username, "password": PASSWORD })
}

impl World {
    /// A person of the world with a session. Earlier sessions of this person end, because the password is given anew.
    pub(crate) async fn session(&self, username: &str) -> Caller {
        self.give_password(username).await;
        Caller::nobody(self).log_in(&login(username)).await
    }

    /// From now on the person logs in with [`PASSWORD`].
    pub(crate) async fn give_password(&self, username: &str) {
        let user = User::named(&self.app.db, username).await.unwrap().expect("a user of the world");
        let (db, now) = (&self.app.db, self.app.clock.now());
        new_password::give(db, "a story", &user, PASSWORD.to_owned(), false, now).await.unwrap();
    }
}
