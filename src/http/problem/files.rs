//! Problems of uploads, archives and downloads.

use axum::http::StatusCode;

use super::{Code, Problem};
use crate::{
    app::UploadsFull, archive::by_hand::ByHandError, content::receive::UploadError, ingest::collect::CollectError,
    sealing::accept::AcceptError,
};

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        let detail = error.to_string();
        let unprocessable = |code| Self::new(code, detail.clone());
        match error {
            UploadError::Cut(_) => Self::new(Code::UploadCut, detail),
            UploadError::Stalled(_) => Self::new(Code::UploadStalled, detail),
            UploadError::TooLarge { .. } | UploadError::HeadTooLong(_) => Self::new(Code::TooLarge, detail),
            UploadError::TooMany(_) => Self::new(Code::TooManyFiles, detail),
            UploadError::Empty(_) => unprocessable(Code::EmptyFile),
            UploadError::NoFile => Self::field("file", detail),
            UploadError::NotAnImage(_) => unprocessable(Code::NotAnImage),
            UploadError::NotAFilesField(_) => unprocessable(Code::NotAFilesField),
            UploadError::NotFound => Self::not_found(),
            UploadError::DownloadField(_) | UploadError::NotEditable(_) => Self::new(Code::NotEditable, detail),
            UploadError::PhotoDocument => Self::new(Code::PhotoDocument, detail),
            UploadError::NoFolder => Self::new(Code::NotNow, detail),
            UploadError::NothingOwed | UploadError::OwesFewer { .. } => Self::new(Code::NothingOwed, detail),
            UploadError::NotRunning(_) => Self::new(Code::FlowNotRunning, detail),
            UploadError::Db(error) => error.into(),
            UploadError::Store(_) | UploadError::Name(_) | UploadError::Cpu(_) | UploadError::Content(_) => {
                Self::internal(&error)
            }
        }
    }
}

impl From<UploadsFull> for Problem {
    fn from(error: UploadsFull) -> Self {
        let code = match error {
            UploadsFull::OfUser(_) => Code::TooManyAtOnce,
            UploadsFull::All => Code::Busy,
        };
        Self::new(code, error.to_string())
    }
}

impl From<AcceptError> for Problem {
    fn from(error: AcceptError) -> Self {
        let detail = error.to_string();
        match error {
            AcceptError::NotFound => Self::not_found(),
            AcceptError::Settled => Self::new(Code::PhotoSettled, detail),
            AcceptError::NoReason => Self::field("reason", detail),
            AcceptError::NoKind => Self::field("kind", detail),
            AcceptError::Db(error) => error.into(),
        }
    }
}

impl From<ByHandError> for Problem {
    fn from(error: ByHandError) -> Self {
        let detail = error.to_string();
        let conflict = |code| Self::new(code, detail.clone());
        match error {
            ByHandError::NotFound => Self::not_found(),
            ByHandError::NotReady(_) => conflict(Code::NotNow),
            ByHandError::PhotosMissing(lacking) => {
                Self { missing: lacking.photos, errors: lacking.fields, ..conflict(Code::PhotosMissing) }
            }
            ByHandError::FieldRequired(lacking) => Self { errors: lacking.fields, ..conflict(Code::FieldRequired) },
            ByHandError::NotEntitled => Self::new(Code::Forbidden, detail),
            ByHandError::NoReason => Self::field("reason", detail),
            ByHandError::Rule(refusal) => refusal.into(),
            ByHandError::Refused(_) => conflict(Code::NotArchived),
            ByHandError::Db(error) => error.into(),
        }
    }
}

impl From<CollectError> for Problem {
    fn from(error: CollectError) -> Self {
        let detail = error.to_string();
        let unavailable = |code, retry_after| {
            let problem = Self::with_status(StatusCode::SERVICE_UNAVAILABLE, code, detail.clone());
            Self { retry_after, ..problem }
        };
        match error {
            CollectError::Vendor { retry_after, .. } => {
                unavailable(Code::VendorFailed, retry_after.as_secs().clamp(1, 3600))
            }
            CollectError::NoDownloadField => Self::new(Code::NoDownloadField, detail),
            CollectError::NoSealUse => Self::new(Code::NoSealUse, detail),
            CollectError::NotFound => Self::not_found(),
            CollectError::Rule(refusal) => refusal.into(),
            CollectError::TooSlow => unavailable(Code::StillCollecting, 5),
            CollectError::Task(error) => Self::internal(&error),
            CollectError::Db(error) => error.into(),
        }
    }
}
