//! Loading: the file first, then the environment over it, then the checks.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use toml::{Table, Value};

use super::{BadSetting, Config, DatabaseUrl, SecretsConfig, StoreUrl, public_url_of};

const PREFIX: &str = "YINKU_";

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {source}", path = path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: toml::de::Error },
    #[error("there is no setting for the variable {name}: did you mean {nearest}?")]
    UnknownVariable { name: String, nearest: String },
    #[error("{name} (setting {setting}): {reason}")]
    Variable { name: String, setting: String, reason: String },
    #[error("{}", lines(.0))]
    Unusable(Vec<BadSetting>),
}

fn lines(problems: &[BadSetting]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl Config {
    /// Reads the file at `path` (`None`: only defaults), overrides it by the `YINKU_` variables of `env`, and checks all.
    pub fn load(path: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut table = path.map_or_else(|| Ok(Table::new()), read)?;
        for (name, text) in env.filter(|(name, _)| is_ours(name)) {
            merge(&mut table, variable(&name, &text)?);
        }
        let config = resolve(&table).map_err(|source| {
            let path = path.unwrap_or(Path::new("settings")).to_owned();
            ConfigError::File { path, source }
        })?;
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Unusable(problems)) }
    }
}

/// Parses the file as a whole, so that an error names its line.
fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let in_file = |source| ConfigError::File { path: path.to_owned(), source };
    toml::from_str::<Config>(&text).map_err(in_file)?;
    text.parse().map_err(in_file)
}

/// The defaults of some settings follow `listen` and `data_dir`.
fn resolve(table: &Table) -> Result<Config, toml::de::Error> {
    let mut config: Config = table.clone().try_into()?;
    let given = |section: &str, name: &str| table.get(section).and_then(|section| section.get(name)).is_some();
    if !table.contains_key("public_url") {
        config.public_url = public_url_of(config.listen);
    }
    if !given("database", "url") {
        config.database.url = DatabaseUrl::in_dir(&config.data_dir);
    }
    if !given("store", "url") {
        config.store.url = StoreUrl::in_dir(&config.data_dir);
    }
    if !given("secrets", "key_file") {
        config.secrets.key_file = SecretsConfig::in_dir(&config.data_dir).key_file;
    }
    Ok(config)
}

/// Variables of the tests share the prefix, but are not settings.
fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX) && !name.starts_with("YINKU_TEST_") && name != "YINKU_KILL_AT"
}

/// One variable as the table of a file with only this setting.
fn variable(name: &str, text: &str) -> Result<Table, ConfigError> {
    let settings = settings();
    let Some((setting, default)) = settings.iter().find(|(setting, _)| variable_name(setting) == name) else {
        let names = settings.iter().map(|(setting, _)| variable_name(setting));
        let nearest = names.min_by_key(|known| distance(known, name)).unwrap_or_default();
        return Err(ConfigError::UnknownVariable { name: name.to_owned(), nearest });
    };
    let wrong = |reason: String| ConfigError::Variable {
        name: name.to_owned(),
        setting: setting.clone(),
        reason: reason.trim().to_owned(),
    };
    let table = nested(setting, typed(text, default).map_err(wrong)?);
    // Checked alone, so that the message names the variable and not the file.
    table.clone().try_into::<Config>().map_err(|e| wrong(e.message().to_owned()))?;
    Ok(table)
}

/// Values are plain text, except that lists are TOML. Text that is not a number stays text: a size may be `64MiB`.
fn typed(text: &str, default: &Json) -> Result<Value, String> {
    let number = || text.trim().parse().ok().map(Value::Integer);
    let boolean = || text.trim().parse().ok().map(Value::Boolean);
    let plain = || Value::String(text.to_owned());
    match default {
        Json::Array(_) => {
            let table: Table = format!("list = {text}")
                .parse()
                .map_err(|_| format!("write a TOML list, such as '[\"2s\", \"4s\"]', not `{text}`"))?;
            Ok(table["list"].clone())
        }
        Json::Number(_) => Ok(number().unwrap_or_else(plain)),
        Json::Bool(_) => Ok(boolean().unwrap_or_else(plain)),
        _ => Ok(plain()),
    }
}

fn nested(setting: &str, value: Value) -> Table {
    match setting.split_once('.') {
        Some((section, rest)) => Table::from_iter([(section.to_owned(), Value::Table(nested(rest, value)))]),
        None => Table::from_iter([(setting.to_owned(), value)]),
    }
}

fn merge(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => drop(table.insert(key, value)),
        }
    }
}

fn variable_name(setting: &str) -> String {
    format!("{PREFIX}{}", setting.to_uppercase().replace('.', "__"))
}

/// The path and default of every setting. Absent settings are null in JSON.
pub(super) fn settings() -> Vec<(String, Json)> {
    let Ok(Json::Object(sections)) = serde_json::to_value(Config::default()) else { return Vec::new() };
    let mut settings = Vec::new();
    for (key, value) in sections {
        match value {
            Json::Object(section) => settings.extend(section.into_iter().map(|(name, v)| (format!("{key}.{name}"), v))),
            value => settings.push((key, value)),
        }
    }
    settings
}

/// Edits (Levenshtein) between two names.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let cost = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[b.len()]
}
