//! What the vendor answers, read tolerantly: ids as text or number, missing lists as empty, unknown members ignored.

mod catalogue;
mod owed;
mod read;

use std::fmt;

use crate::{
    clock::Timestamp,
    provider::{Hidden, ProviderError, qiyuesuo::is_business_id},
};

pub use catalogue::{Category, Seal};
pub(super) use catalogue::{categories, seals};
pub use owed::Owed;
pub(super) use owed::owed;
pub(super) use read::Answer;
use read::Node;

/// How far a seal use is, in the vendor's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// 用印中.
    Using,
    /// Ended normally; may re-open when uses are appended.
    Complete,
    /// Ended by us or another platform.
    Finished,
    Other(String),
}

impl Status {
    /// No more stampings are to be expected, unless uses are appended. Photos may still come.
    #[must_use]
    pub fn terminal(&self) -> bool {
        match self {
            Self::Complete | Self::Finished => true,
            Self::Using => false,
            // Seen nowhere in physical seal use, but in the vendor's other products.
            Self::Other(word) => matches!(word.as_str(), "END" | "FORCE_END" | "FINISH" | "COMPLETED"),
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Using => "USING",
            Self::Complete => "COMPLETE",
            Self::Finished => "FINISHED",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for Status {
    fn from(word: &str) -> Self {
        match word.trim().to_ascii_uppercase().as_str() {
            "USING" => Self::Using,
            "COMPLETE" => Self::Complete,
            "FINISHED" => Self::Finished,
            other => Self::Other(other.to_owned()),
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
    /// Absent in the answer to an application.
    pub left_count: Option<u32>,
    /// May exceed what was applied for.
    pub used_count: u32,
    /// The seal code (用印码).
    pub vertify_code: Option<Hidden>,
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

/// The key of one photo, and the auth it belongs to if the vendor says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhotoRef {
    pub auth_id: Option<String>,
    pub photokey: String,
}

/// Uses that were added later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendLog {
    pub user_name: Option<String>,
    pub count: u32,
    pub create_time: Option<Timestamp>,
    pub contact: Option<String>,
    pub number: Option<String>,
}

/// A seal use that was just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// The business id.
    pub id: String,
    pub status: Status,
    pub auths: Vec<Auth>,
}

/// All that the vendor knows about a seal use.
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
    /// The JSON text as it came (without NUL bytes), kept as evidence. It has the seal codes in it.
    pub raw: Hidden,
}

impl Created {
    pub(super) fn read(answer: &Answer) -> Result<Self, ProviderError> {
        let result = answer.result()?;
        let id = result.text("id").filter(|id| is_business_id(id));
        let id = id.ok_or_else(|| ProviderError::Garbled("an application without a business id".to_owned()))?;
        Ok(Self { id, status: result.status(), auths: result.each("sealAuths", auth) })
    }

    /// The answer to an append, which need not repeat the id: code 0 says that it was done.
    pub(super) fn appended(answer: &Answer, business_id: &str) -> Result<Self, ProviderError> {
        let Ok(result) = answer.result() else {
            return Ok(Self { id: business_id.to_owned(), status: Status::Using, auths: Vec::new() });
        };
        let id = result.text("id").unwrap_or_else(|| business_id.to_owned());
        if id != business_id {
            return Err(ProviderError::Garbled("the answer for another seal use".to_owned()));
        }
        Ok(Self { id, status: result.status(), auths: result.each("sealAuths", auth) })
    }
}

impl Detail {
    /// Reads a detail that was kept ([`Detail::raw`]).
    pub fn kept(text: &str, business_id: &str) -> Result<Self, ProviderError> {
        Self::read(Answer::parse(text.to_owned())?, business_id)
    }

    pub(super) fn read(answer: Answer, business_id: &str) -> Result<Self, ProviderError> {
        let result = answer.result()?;
        let id = result.text("id").unwrap_or_else(|| business_id.to_owned());
        if id != business_id {
            return Err(ProviderError::Garbled("the detail of another seal use".to_owned()));
        }
        let detail = Self {
            id,
            subject: result.text("subject"),
            serial_no: result.text("serialNo"),
            status: result.status(),
            create_time: result.time("createTime"),
            auths: result.each("sealAuths", auth),
            face_images: result.each("faceImages", photo),
            use_images: result.each("useImages", photo),
            append_logs: result.each("appendLogs", append_log),
            raw: Hidden::default(),
        };
        Ok(Self { raw: Hidden::new(answer.into_text()), ..detail })
    }
}

fn auth(node: Node) -> Option<Auth> {
    Some(Auth {
        id: node.text("id")?,
        user_id: node.text("userId"),
        user_name: node.text("userName"),
        left_count: node.text("leftCount").map(|_| node.count("leftCount")),
        used_count: node.count("usedCount"),
        vertify_code: node.text("vertifyCode").map(Hidden::new),
        complete: node.truth("complete"),
        complete_time: node.time("completeTime"),
        contact: node.text("contact"),
        number: node.text("number"),
        seal_id: node.text("sealId"),
        seal_name: node.text("sealName"),
        owner_name: node.text("ownerName"),
        device_no: node.text("deviceNo"),
    })
}

fn photo(node: Node) -> Option<PhotoRef> {
    Some(PhotoRef { auth_id: node.text("authId"), photokey: node.text("photokey")? })
}

#[expect(clippy::unnecessary_wraps, reason = "the same shape as the readers of other lists")]
fn append_log(node: Node) -> Option<AppendLog> {
    Some(AppendLog {
        user_name: node.text("userName"),
        count: node.count("count"),
        create_time: node.time("createTime"),
        contact: node.text("contact"),
        number: node.text("number"),
    })
}
