//! The key for stored secrets: from the environment, or from a file that only its owner may read.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use rand::TryRng;

use super::{KEY_BYTES, Secrets};
use crate::config::SecretsConfig;

/// Why the key cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("the key for stored secrets is not 32 bytes in base64; make one with `openssl rand -base64 32`")]
    NotAKey,
    #[error("{path}: the key for stored secrets is not 32 bytes in base64; put back the file that the service made", path = .0.display())]
    NotAKeyFile(PathBuf),
    #[error("cannot use the key file {path}: {source}. Check secrets.key_file and its permissions.", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the operating system returned no random numbers for the key of stored secrets")]
    NoRandom,
}

impl Secrets {
    /// Returns the key of the settings: `secrets.key`, else the file. Without both it has no key.
    pub fn load(config: &SecretsConfig) -> Result<Self, KeyFileError> {
        if let Some(key) = &config.key {
            return Self::with_key(&decode(key.expose()).ok_or(KeyFileError::NotAKey)?);
        }
        let path = &config.key_file;
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(KeyFileError::File { path: path.clone(), source }),
        };
        warn_if_open(path);
        Self::with_key(&decode(&text).ok_or_else(|| KeyFileError::NotAKeyFile(path.clone()))?)
    }

    /// Makes a key in the file. If another process has just made it, its key is taken.
    pub fn make(config: &SecretsConfig) -> Result<Self, KeyFileError> {
        let mut key = [0u8; KEY_BYTES];
        rand::rngs::SysRng.try_fill_bytes(&mut key).map_err(|_| KeyFileError::NoRandom)?;
        let path = &config.key_file;
        match write(path, &BASE64_STANDARD.encode(key)) {
            Ok(()) => Self::with_key(&key),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load(config),
            Err(source) => Err(KeyFileError::File { path: path.clone(), source }),
        }
    }
}

fn decode(text: &str) -> Option<[u8; KEY_BYTES]> {
    BASE64_STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

/// Writes a new file that only its owner may read. It is complete and durable before it has its name, because a secret
/// that was sealed under a lost key is lost too.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut file =
        tempfile::Builder::new().prefix(".secrets").permissions(fs::Permissions::from_mode(0o600)).tempfile_in(dir)?;
    writeln!(file, "{text}")?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|refused| refused.error)?;
    File::open(dir)?.sync_all()
}

/// Returns the permission bits that let other users of the machine in.
#[must_use]
pub fn open_to_others(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

fn warn_if_open(path: &Path) {
    if let Some(mode) = open_to_others(path) {
        let mode = format!("{mode:03o}");
        tracing::warn!(file = %path.display(), mode, "other users may read the key file; run chmod 600 on it");
    }
}
