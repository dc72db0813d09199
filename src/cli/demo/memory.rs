//! The state of a demo in its directory. With it a demo can continue after a crash.

use std::{net::SocketAddr, path::Path};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use url::Url;

/// The passwords of the demo. They are public, because the demo listens on this machine only.
pub(super) const ADMIN_PASSWORD: &str = "yinku-demo-admin";
pub(super) const PASSWORD: &str = "yinku-demo-user";

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) listen: Option<SocketAddr>,
    pub(super) vendor: Option<Url>,
    pub(super) definition: Option<String>,
    pub(super) flow: Option<String>,
    pub(super) photos: Option<u32>,
    /// The secret in the callback address that the vendor has.
    #[serde(default)]
    pub(super) callback_secret: Option<String>,
}

const FILE: &str = "demo.json";

impl Memory {
    pub(super) fn load(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(FILE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(&path)?;
        serde_json::from_str(&text).with_context(|| {
            format!("{} is not the state of a demo; remove the file or choose another directory", path.display())
        })
    }

    /// Writes a temporary file and renames it, so a crash leaves the old or the new state.
    pub(super) fn save(&self, dir: &Path) -> anyhow::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.as_file().sync_all()?;
        file.persist(dir.join(FILE))?;
        Ok(())
    }

    pub(super) fn vendor_address(&self) -> Option<SocketAddr> {
        let url = self.vendor.as_ref()?;
        url.socket_addrs(|| None).ok()?.into_iter().next()
    }
}
