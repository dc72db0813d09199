use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Secret;

/// The key that encrypts the secrets in the database, such as the AppSecret of a service. The key is in no backup:
/// keep a copy of it elsewhere. Without it, each secret must be given again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecretsConfig {
    /// File with the key: 32 bytes in base64. Default: `secrets.key` in `data_dir`. The first start on SQLite makes
    /// it. On PostgreSQL make it with `openssl rand -base64 32` and give the same key to all processes. Without a key
    /// the secrets are stored in clear.
    pub key_file: PathBuf,
    /// The key itself. It overrides the file. Set it in the environment, as `YINKU_SECRETS__KEY`.
    pub key: Option<Secret>,
}

impl Default for SecretsConfig {
    fn default() -> Self {
        Self::in_dir(Path::new("./data"))
    }
}

impl SecretsConfig {
    #[must_use]
    pub(super) fn in_dir(data_dir: &Path) -> Self {
        Self { key_file: data_dir.join("secrets.key"), key: None }
    }
}
