//! Faults that hit the vendor's endpoints: where, how often, for which photos.

mod answer;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

pub(super) use self::answer::{add, body, html, instead};

const ZIP: &str = "/seal/apply/images/download";

/// Which endpoint a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    Image,
    Detail,
    Zip,
    /// The zip of one kind: a request with `photoType`.
    ZipOfKind,
    /// The zip of the photos of stampings.
    ZipOfSignatory,
    /// The zip of faces.
    ZipOfFace,
    /// Applying, appending and finishing.
    Apply,
    /// Files: stamped ones and photos that were missing.
    Upload,
    /// Every signed endpoint.
    Any,
}

impl Target {
    fn hits(self, path: &str, of_kind: Option<&str>) -> bool {
        match self {
            Self::Image => path == "/seal/apply/image",
            Self::Detail => path == "/seal/apply/detail",
            Self::Zip => path == ZIP,
            Self::ZipOfKind => path == ZIP && of_kind.is_some(),
            Self::ZipOfSignatory => path == ZIP && of_kind == Some("SIGNATORY"),
            Self::ZipOfFace => path == ZIP && of_kind == Some("FACE"),
            Self::Apply => ["multiple", "mulitipleByCategory", "append", "finish"]
                .iter()
                .any(|last| path.strip_prefix("/seal/apply/") == Some(last)),
            Self::Upload => {
                matches!(path, "/seal/apply/used/file" | "/seal/apply/used/images" | "/seal/apply/images")
            }
            Self::Any => true,
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum FaultKind {
    /// This status with a short text.
    Status { status: u16 },
    /// A page with the words `HTTP ERROR`, with this status.
    Html { status: u16 },
    /// `{"code","message"}` with status 200.
    JsonError { code: i64, message: String },
    /// Status 200 and no body.
    Empty,
    /// The whole length is declared, half is sent, then the connection ends.
    Cut,
    /// Without a length, and the connection ends in the middle.
    CutChunked,
    /// A clean answer that is only the first half, with half the length declared.
    Half,
    /// Right, but without a length.
    Chunked,
    /// Right, but this slow.
    Slow { bytes_per_second: u64 },
    /// 302 to there.
    Redirect { location: String },
    /// This many bytes that begin like a JPEG, without a length.
    Oversize { bytes: u64 },
    /// Never answers.
    Hang,
    /// The connection is dropped without an answer.
    Drop,
    /// Right, but the first byte comes only after this time.
    Late { ms: u64 },
    /// Right bytes under this content type.
    ContentType { value: String },
    /// Right bytes with this header more.
    Header { name: String, value: String },
    /// Status 200, these headers and this body, in base64, instead of the right one.
    Answer { headers: Vec<(String, String)>, body: String },
}

impl FaultKind {
    /// Whether the client can still get the right bytes.
    pub(super) fn harmless(&self) -> bool {
        matches!(
            self,
            Self::Chunked | Self::Slow { .. } | Self::Late { .. } | Self::ContentType { .. } | Self::Header { .. }
        )
    }

    /// Another body under this content type.
    #[must_use]
    pub fn answer(content_type: &str, body: &[u8]) -> Self {
        Self::answer_with(&[("content-type", content_type)], body)
    }

    /// Another body under these headers.
    #[must_use]
    pub fn answer_with(headers: &[(&str, &str)], body: &[u8]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::Answer { headers, body: BASE64_STANDARD.encode(body) }
    }
}

/// A fault: what, where and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    pub target: Target,
    pub fault: FaultKind,
    /// Only requests for these photos; all when empty.
    #[serde(default)]
    pub photokeys: Vec<String>,
    /// How many requests it still hits; without end when absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many matching requests pass before it begins.
    #[serde(default)]
    pub after: u32,
}

impl Fault {
    /// Hits every matching request until it is taken away.
    #[must_use]
    pub fn always(target: Target, fault: FaultKind) -> Self {
        Self { target, fault, photokeys: Vec::new(), times: None, after: 0 }
    }

    /// Hits the next `times` matching requests.
    #[must_use]
    pub fn times(target: Target, fault: FaultKind, times: u32) -> Self {
        Self { times: Some(times), ..Self::always(target, fault) }
    }

    /// Hits only these photos.
    #[must_use]
    pub fn only(mut self, photokeys: &[impl AsRef<str>]) -> Self {
        self.photokeys = photokeys.iter().map(|k| k.as_ref().to_owned()).collect();
        self
    }
}

/// Takes the first fault that hits this request, and uses it up by one. `of_kind`: the one kind of photos that the request asks for.
pub(super) fn strike(
    faults: &mut Vec<Fault>,
    path: &str,
    photokey: Option<&str>,
    of_kind: Option<&str>,
) -> Option<FaultKind> {
    let hits = |fault: &Fault| {
        fault.target.hits(path, of_kind)
            && (fault.photokeys.is_empty() || photokey.is_some_and(|key| fault.photokeys.iter().any(|k| k == key)))
    };
    let mut struck = None;
    for fault in faults.iter_mut().filter(|fault| hits(fault)) {
        if fault.after > 0 {
            fault.after -= 1;
            continue;
        }
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
        }
        struck = Some(fault.fault.clone());
        break;
    }
    faults.retain(|fault| fault.times != Some(0));
    struck
}
