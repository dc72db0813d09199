//! What the vendor answers, read tolerantly: ids as text or number, missing lists as empty, unknown members ignored.

mod read;

use std::fmt;

use crate::{
    clock::Timestamp,
    vendor::{Hidden, VendorError, qiyuesuo::is_business_id},
};

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
    pub left_count: u32,
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
    pub(super) fn read(answer: &Answer) -> Result<Self, VendorError> {
        let result = answer.result()?;
        let id = result.text("id").filter(|id| is_business_id(id));
        let id = id.ok_or_else(|| VendorError::Garbled("an application without a business id".to_owned()))?;
        Ok(Self { id, status: result.status(), auths: result.each("sealAuths", auth) })
    }
}

impl Detail {
    pub(super) fn read(answer: Answer, business_id: &str) -> Result<Self, VendorError> {
        let result = answer.result()?;
        let id = result.text("id").unwrap_or_else(|| business_id.to_owned());
        if id != business_id {
            return Err(VendorError::Garbled("the detail of another seal use".to_owned()));
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
        left_count: node.count("leftCount"),
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

/// A seal that can be applied for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    pub id: String,
    pub name: String,
    /// The company in whose list it stands.
    pub company: Option<String>,
    /// The owner's name.
    pub owner_name: Option<String>,
    /// The box it is in (`deviceId` or `deviceNo`).
    pub device_no: Option<String>,
    /// NORMAL, FREEZE, DELETE or INVALID; absent in some versions.
    pub status: Option<String>,
    pub location: Option<String>,
}

pub(super) fn seals(answer: &Answer) -> Vec<Seal> {
    let entries = answer.list(&["result", "list"]);
    let of_entry = |entry: &Node| {
        // `/seal/innercompany/seallist` lists companies with seals; some versions list the seals themselves.
        if entry.has("seals") {
            let company = entry.text("name");
            entry.each("seals", |node| seal(node, company.clone()))
        } else {
            seal(*entry, None).into_iter().collect()
        }
    };
    entries.iter().flat_map(of_entry).collect()
}

fn seal(node: Node, company: Option<String>) -> Option<Seal> {
    Some(Seal {
        id: node.text("id")?,
        name: node.text("name")?,
        company,
        owner_name: node.text("ownerName").or_else(|| node.text("owner")),
        device_no: node.text("deviceId").or_else(|| node.text("deviceNo")),
        status: node.text("status").or_else(|| node.member("status")?.text("key")),
        location: node.text("location"),
    })
}

/// A business category (业务分类).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    pub id: String,
    pub name: String,
    /// ELECTRONIC or PHYSICAL; only the latter is of use here.
    pub kind: Option<String>,
    pub tenant_id: Option<String>,
    /// 0, 1 or 2; the vendor does not say which means what.
    pub state: Option<String>,
}

pub(super) fn categories(answer: &Answer) -> Vec<Category> {
    let category = |node: &Node| {
        Some(Category {
            id: node.text("id")?,
            name: node.text("name")?,
            kind: node.text("type"),
            tenant_id: node.text("tenantId"),
            state: node.text("state"),
        })
    };
    answer.list(&["categories", "result"]).iter().filter_map(category).collect()
}
