//! What the vendor knows: businesses with their auths and photos, documents, callbacks not yet taken. One JSON file.

mod world;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

pub(super) use self::world::{Document, World};
use super::{
    clock::Timestamp,
    photo::{Drawing, Kind},
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
