use serde::{Deserialize, Serialize};

use super::Secret;

/// The first user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// Password of the user `admin`. The first start creates this user. Absent: a random password, printed once.
    pub password: Option<Secret>,
}
