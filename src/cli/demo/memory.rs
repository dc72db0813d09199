//! What a demonstration remembers in its directory, so that it can be continued after the plug was pulled.

use std::{net::SocketAddr, path::Path};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use url::Url;

/// The demonstration's logins; it listens on this machine only.
pub(super) const ADMIN_PASSWORD: &str = "yinku-demo-admin";
pub(super) const PASSWORD: &str = "yinku-demo-user";

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) listen: Option<SocketAddr>,
    pub(super) vendor: Option<Url>,
    pub(super) definition: Option<String>,
    pub(super) flow: Option<String>,
    pub(super) photos: Option<u32>,
}

const FILE: &str = "demo.json";

impl Memory {
    pub(super) fn load(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(FILE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(&path)?;
        serde_json::from_str(&text).with_context(|| format!("{} is not a demo's memory", path.display()))
    }

    /// Written beside and renamed: a cut leaves the old or the new.
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
