//! Parses the vendor's callback. Pure; it never fails. A callback that is not understood has its own shape.
//!
//! The vendor documents neither content types nor the encoding of photos. Several products call the same address. So
//! this parser accepts every variant that a sender has used or may use. Its result is not trusted: the vendor's
//! `detail` is the truth. A callback only names the seal use to ask about.

mod answer;
mod body;
mod digest;
mod fields;
mod form;
mod json;
mod multipart;
mod parts;
mod picture;
mod shape;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, photo::kind::PhotoKind};
use body::Body;
use fields::Fields;

pub use answer::{CallbackReply, answer, refusal};

/// Maximum number of parts of a multipart body. Later parts are ignored, and the problem text says so.
const MAX_PARTS: usize = 1_000;
/// Maximum number of parameters of query and body together.
const MAX_PARAMS: usize = 10_000;
/// Maximum number of photos in one callback.
const MAX_IMAGES: usize = 1_000;

/// A raw callback.
#[derive(Clone, Copy, Debug)]
pub struct RawRequest<'a> {
    /// Without the question mark.
    pub query: &'a str,
    pub content_type: Option<&'a str>,
    pub body: &'a [u8],
}

/// The subject of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Shape {
    /// The seal use has ended.
    P1,
    /// Photos of one stamping.
    P2,
    /// Number of uses left.
    P3,
    /// From the vendor's category, with our own parameters (`ecologyOperate`). Photos are optional.
    W,
    /// Encrypted event of the newer private cloud.
    N,
    /// Encrypted form of the public cloud.
    F,
    #[serde(rename = "junk")]
    Junk,
}

impl Shape {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::W => "W",
            Self::N => "N",
            Self::F => "F",
            Self::Junk => "junk",
        }
    }
}

/// A photo in a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushedImage {
    Bytes {
        bytes: Bytes,
        /// For display only; never a path.
        file_name: Option<String>,
    },
    /// To be fetched from the vendor.
    Photokey(String),
    /// Never fetched: a sender of callbacks could make the service call any address (SSRF).
    Url(String),
    /// Why the value is not readable as a photo.
    Unreadable(String),
}

/// Values that can help a user to identify a callback without a business id. They are never used as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    pub biz_id: Option<String>,
    pub contract_id: Option<String>,
    pub company_id: Option<String>,
}

/// A parsed callback. Empty values count as absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    pub shape: Shape,
    /// 1 to 20 digits.
    pub business_id: Option<String>,
    pub hints: Hints,
    /// Our own query parameter `sealUse`. The callback address that we give to the vendor contains it.
    pub seal_use: Option<String>,
    /// As written (`USING`, `COMPLETE`, …). Not trusted: `detail` decides.
    pub status: Option<String>,
    /// `ecologyOperate` in lower case.
    pub operate: Option<String>,
    /// `callbackEventType` as written.
    pub event_type: Option<String>,
    /// Employee number of the person with the stamping.
    pub number: Option<String>,
    pub mobile: Option<String>,
    pub image_kind: Option<PhotoKind>,
    /// At most 1,000.
    pub images: Vec<PushedImage>,
    pub left_count: Option<u32>,
    pub timestamp: Option<Timestamp>,
    /// All text parameters except the secret `key` and the bytes of pictures. Sorted by name. The values of one name
    /// keep their order.
    pub params: Vec<(String, Vec<String>)>,
    /// SHA-256 in hex of the content, independent of order, encoding and multipart boundary. It only groups
    /// deliveries: a second `COMPLETE` after an append equals the first, but has a new meaning.
    pub digest: String,
    /// What was wrong or missing, for the list of callbacks.
    pub problem: Option<String>,
}

/// Parses a callback, in time linear in its size.
#[must_use]
pub fn parse(raw: RawRequest<'_>) -> Callback {
    let Body { format, mut pairs, files, problem } = body::read(raw.content_type, raw.body);
    let mut problems: Vec<String> = problem.into_iter().collect();
    let mut query = form::pairs(raw.query.trim_start_matches('?').as_bytes(), None);
    body::add_wrapped(&mut pairs);
    body::add_wrapped(&mut query);
    let seal_use = fields::first(&query, "sealUse").or_else(|| fields::first(&pairs, "sealUse"));
    let (fields, pictures) = Fields::merge(pairs, query, &mut problems);
    let business_id = fields.business_id(&mut problems);
    let known = business_id.is_some() || seal_use.is_some();
    let mut images = files;
    images.extend(pictures);
    if images.len() > MAX_IMAGES {
        images.truncate(MAX_IMAGES);
        problems.push(format!("more than {MAX_IMAGES} photos"));
    }
    let shape = shape::of(&fields, format, known, !images.is_empty());
    problems.extend(shape::problem(shape, &fields, known));
    Callback {
        shape,
        hints: Hints {
            biz_id: fields.text("bizId"),
            contract_id: fields.text("contractId"),
            company_id: fields.text("companyId"),
        },
        seal_use,
        status: fields.text("status"),
        operate: fields.text("ecologyOperate").map(|operate| operate.to_lowercase()),
        event_type: fields.text("callbackEventType"),
        number: fields.text("number"),
        mobile: fields.text("mobile"),
        image_kind: fields.text("imageType").and_then(|kind| kind.parse().ok()),
        left_count: fields.text("leftCount").and_then(|count| count.parse().ok()),
        timestamp: fields.time("timestamp"),
        digest: digest::of(&fields, &images),
        params: fields.params(),
        business_id,
        images,
        problem: (!problems.is_empty()).then(|| problems.join("; ")),
    }
}
