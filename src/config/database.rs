use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

use super::secret::HIDDEN;

/// The database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `sqlite://<path>` or `postgres://…`. Default: `yinku.db` in `data_dir`.
    pub url: DatabaseUrl,
    /// Most open connections to PostgreSQL. SQLite always has one writer and eight readers.
    pub max_connections: u32,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self { url: DatabaseUrl::in_dir(Path::new("./data")), max_connections: 16 }
    }
}

/// The URL of one of the two engines. `Debug`, `Display` and `Serialize` show no password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The path after `sqlite://`, not percent-decoded.
    Sqlite(PathBuf),
    Postgres(Url),
}

impl DatabaseUrl {
    #[must_use]
    pub fn in_dir(data_dir: &Path) -> Self {
        Self::Sqlite(data_dir.join("yinku.db"))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("write `sqlite://<path>` or `postgres://<user>:<password>@<host>:<port>/<database>`")]
pub struct NotDatabaseUrl;

impl FromStr for DatabaseUrl {
    type Err = NotDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, NotDatabaseUrl> {
        if let Some(path) = text.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite(path.into()));
        }
        let url = Url::parse(text).map_err(|_| NotDatabaseUrl)?;
        if matches!(url.scheme(), "postgres" | "postgresql") { Ok(Self::Postgres(url)) } else { Err(NotDatabaseUrl) }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => f.write_str(&shown(url)),
        }
    }
}

/// libpq also accepts the password as a query parameter.
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    if url.password().is_some() {
        // A URL with a password has a host, so this does not fail. If it fails, the whole URL is hidden.
        if shown.set_password(Some("hidden")).is_err() {
            return HIDDEN.to_owned();
        }
    }
    if url.query_pairs().any(|(key, _)| key == "password") {
        let others = url.query_pairs().filter(|(key, _)| key != "password");
        shown.query_pairs_mut().clear().extend_pairs(others).append_pair("password", "hidden");
    }
    shown.into()
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
