//! What the vendor knows: businesses with their auths and photos, documents, callbacks not yet taken. One JSON file.

use std::{io, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    photo::{Drawing, Kind},
    random::Random,
};

/// Where a business stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    Using,
    Complete,
    Finished,
}

impl Status {
    /// The vendor's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Using => "USING",
            Self::Complete => "COMPLETE",
            Self::Finished => "FINISHED",
        }
    }
}

/// One application for seal use.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Business {
    pub id: String,
    pub tenant_name: String,
    pub subject: String,
    pub serial_no: String,
    pub description: String,
    pub category_id: Option<String>,
    pub applyer_name: String,
    pub contact: String,
    pub number: String,
    pub callback_url: Option<String>,
    pub status: Status,
    pub create_time: Timestamp,
    pub auths: Vec<Auth>,
    pub photos: Vec<Photo>,
    pub append_logs: Vec<AppendLog>,
    pub documents: Vec<String>,
    /// The approvals that an application by category brought.
    #[serde(default)]
    pub flow_nodes: serde_json::Value,
    pub used_files: Vec<UsedFile>,
    pub finish_reason: Option<String>,
}

/// One seal and one person: what may be stamped and what was.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    pub id: String,
    pub user_id: String,
    pub user_name: String,
    pub contact: String,
    pub number: String,
    /// The six-digit code, the vendor's spelling.
    pub vertify_code: String,
    pub seal_id: String,
    pub seal_name: String,
    pub owner_name: String,
    pub device_no: String,
    pub left: u32,
    pub used: u32,
    pub complete: bool,
    pub complete_time: Option<Timestamp>,
    pub start_time: Option<Timestamp>,
    pub end_time: Option<Timestamp>,
}

/// One photo and where the vendor shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Photo {
    pub photokey: String,
    pub auth_id: String,
    pub kind: Kind,
    pub taken_at: Timestamp,
    /// From when the vendor has it; absent while it is held back.
    pub visible_at: Option<Timestamp>,
    pub in_detail: bool,
    pub in_zip: bool,
    pub content: Content,
}

impl Photo {
    pub(super) fn exists(&self, now: Timestamp) -> bool {
        self.visible_at.is_some_and(|from| from <= now)
    }
}

/// What a photo's bytes are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    Drawn(Drawing),
    /// Bytes given by somebody, as base64.
    Given(String),
}

impl Content {
    /// Exactly these bytes, whatever they are.
    #[must_use]
    pub fn given(bytes: &[u8]) -> Self {
        Self::Given(BASE64_STANDARD.encode(bytes))
    }

    /// Makes the bytes; drawing takes a while.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Given(text) => BASE64_STANDARD.decode(text).unwrap_or_default(),
            Self::Drawn(drawing) => drawing.jpeg().unwrap_or_else(|error| {
                tracing::error!(%error, "the simulator could not draw a photo");
                Vec::new()
            }),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppendLog {
    pub user_name: String,
    pub contact: String,
    pub number: String,
    pub count: u32,
    pub create_time: Timestamp,
}

/// What was uploaded as the stamped document; the bytes are not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsedFile {
    pub title: String,
    pub name: String,
    pub bytes: u64,
    pub md5: String,
}

/// What a callback tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Notice {
    Ended { business: String, status: Status },
    Pushed { business: String, auth: String, kind: Kind, photokeys: Vec<String> },
    Remaining { business: String, auth: String, left: u32 },
}

impl Notice {
    /// The business it is about.
    #[must_use]
    pub fn business(&self) -> &str {
        match self {
            Self::Ended { business, .. } | Self::Pushed { business, .. } | Self::Remaining { business, .. } => business,
        }
    }
}

/// A callback that was not taken yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    pub id: u64,
    pub notice: Notice,
    pub url: String,
    pub attempts: u32,
    pub next_at: Timestamp,
    /// Waits for the business to be released (the end is told first).
    pub held: bool,
}

/// Everything that is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct World {
    seed: u64,
    counter: u64,
    pub(super) businesses: Vec<Business>,
    pub(super) documents: Vec<Document>,
    pub(super) pending: Vec<Pending>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Document {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) bytes: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, counter: 0, businesses: Vec::new(), documents: Vec::new(), pending: Vec::new() }
    }

    /// The state of the file, or a new one when there is no file.
    pub(super) fn load(path: &Path, seed: u64) -> io::Result<Self> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::new(seed)),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file as a whole: a kill leaves the old state or the new one.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("new");
        std::fs::write(&beside, serde_json::to_vec(self)?)?;
        std::fs::rename(beside, path)
    }

    pub(super) fn business(&self, id: &str) -> Option<&Business> {
        self.businesses.iter().find(|b| b.id == id)
    }

    pub(super) fn business_mut(&mut self, id: &str) -> Option<&mut Business> {
        self.businesses.iter_mut().find(|b| b.id == id)
    }

    pub(super) fn photo(&self, photokey: &str) -> Option<&Photo> {
        self.businesses.iter().flat_map(|b| &b.photos).find(|p| p.photokey == photokey)
    }

    pub(super) fn photo_mut(&mut self, photokey: &str) -> Option<&mut Photo> {
        self.businesses.iter_mut().flat_map(|b| &mut b.photos).find(|p| p.photokey == photokey)
    }

    /// Chance of its own for the next thing that is made.
    pub(super) fn chance(&mut self) -> Random {
        self.counter += 1;
        Random::new(Random::new(self.seed).next() ^ self.counter.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// A number that no other thing of this vendor has.
    pub(super) fn next_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// An id of 19 digits. Ascending, and different for different seeds.
    pub(super) fn next_id(&mut self) -> String {
        let place = Random::new(self.seed).next() % 400_000_000_000;
        (2_500_000_000_000_000_000 + place * 1_000_000 + self.next_number()).to_string()
    }

    /// `yyyyMMdd-<uuid4>`.
    pub(super) fn next_photokey(&mut self, now: Timestamp) -> String {
        let mut random = self.chance();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&random.next().to_be_bytes());
        bytes[8..].copy_from_slice(&random.next().to_be_bytes());
        let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
        format!("{}-{uuid}", now.in_china().strftime("%Y%m%d"))
    }
}
