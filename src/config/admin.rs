use serde::{Deserialize, Serialize};

use super::Secret;

/// The first user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// Password of the user `admin`, which the first start creates; absent: a random one, printed once.
    pub password: Option<Secret>,
}
