//! The detail of one seal use at a provider.

use std::fmt;

use super::Hidden;
use crate::clock::Timestamp;

/// The status of a seal use at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// 用印中.
    Using,
    /// Ended normally. Appended uses open it again.
    Complete,
    /// Ended by us or by another platform.
    Finished,
    /// Ended, in a word of the provider that has no neutral counterpart.
    Ended(String),
    /// Any other word of the provider. It counts as open.
    Other(String),
}

impl Status {
    /// Returns true if no more stampings are expected, unless uses are appended. Photos may still come.
    #[must_use]
    pub fn terminal(&self) -> bool {
        match self {
            Self::Complete | Self::Finished | Self::Ended(_) => true,
            Self::Using | Self::Other(_) => false,
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Using => "USING",
            Self::Complete => "COMPLETE",
            Self::Finished => "FINISHED",
            Self::Ended(word) | Self::Other(word) => word,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One seal × one person in a seal use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    pub id: String,
    pub user_id: Option<String>,
    pub user_name: Option<String>,
    /// `None` in the answer to an application.
    pub left_count: Option<u32>,
    /// May exceed what was applied for.
    pub used_count: u32,
    /// The seal code (用印码).
    pub code: Option<Hidden>,
    pub complete: bool,
    pub complete_time: Option<Timestamp>,
    /// Phone.
    pub contact: Option<String>,
    /// Employee number.
    pub number: Option<String>,
    pub seal_id: Option<String>,
    pub seal_name: Option<String>,
    pub owner_name: Option<String>,
    pub device_no: Option<String>,
}

/// The key of one photo. `auth_id` is `None` if the provider names no auth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhotoRef {
    pub auth_id: Option<String>,
    pub photokey: String,
}

/// Uses that were appended after the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendLog {
    pub user_name: Option<String>,
    pub count: u32,
    pub create_time: Option<Timestamp>,
    pub contact: Option<String>,
    pub number: Option<String>,
}

/// The answer to an application or to an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// The business id.
    pub id: String,
    pub status: Status,
    pub auths: Vec<Auth>,
}

/// All that the provider knows about a seal use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// The business id.
    pub id: String,
    pub subject: Option<String>,
    pub serial_no: Option<String>,
    pub status: Status,
    pub create_time: Option<Timestamp>,
    pub auths: Vec<Auth>,
    pub face_images: Vec<PhotoRef>,
    pub use_images: Vec<PhotoRef>,
    pub append_logs: Vec<AppendLog>,
    /// The provider's text as it came, without NUL bytes. It is stored as evidence and contains the seal codes. Its
    /// format belongs to the provider: [`read_detail`](super::read_detail) reads it again.
    pub raw: Hidden,
}

impl Detail {
    /// Returns the number of all appended uses.
    #[must_use]
    pub fn appended(&self) -> i64 {
        self.append_logs.iter().map(|log| i64::from(log.count)).sum()
    }
}
