//! The pictures, in memory.

use std::path::Path;

use anyhow::Context;
use bytes::Bytes;

pub(crate) struct Picture {
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
}

/// All pictures, in the order of their names.
pub(crate) fn load(directory: &Path) -> anyhow::Result<Vec<Picture>> {
    let listed = std::fs::read_dir(directory).with_context(|| format!("no corpus in {}", directory.display()))?;
    let mut names: Vec<String> = listed
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>, std::io::Error>>()?
        .into_iter()
        .filter(|name| name.starts_with(|first: char| first.is_ascii_digit()))
        .collect();
    names.sort();
    names.into_iter().map(|name| Ok(Picture { bytes: std::fs::read(directory.join(&name))?.into(), name })).collect()
}
