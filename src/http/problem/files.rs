//! Problems of uploads, archives and downloads.

use axum::http::StatusCode;

use super::{Code, Problem};
use crate::{archive::by_hand::ByHandError, content::receive::UploadError, ingest::collect::CollectError};

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        let detail = error.to_string();
        let unprocessable = |code| Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail.clone());
        match error {
            UploadError::Cut(_) => Self::new(StatusCode::BAD_REQUEST, Code::UploadCut, detail),
            UploadError::Stalled(_) => Self::new(StatusCode::REQUEST_TIMEOUT, Code::UploadStalled, detail),
            UploadError::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, Code::TooLarge, detail),
            UploadError::TooMany(_) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, Code::TooManyFiles, detail),
            UploadError::Empty(_) => unprocessable(Code::EmptyFile),
            UploadError::NoFile => Self::field("file", detail),
            UploadError::NotAnImage(_) => unprocessable(Code::NotAnImage),
            UploadError::NotAFilesField(_) => unprocessable(Code::NotAFilesField),
            UploadError::NotFound => Self::not_found(),
            UploadError::DownloadField(_) | UploadError::NotEditable(_) => {
                Self::new(StatusCode::CONFLICT, Code::NotEditable, detail)
            }
            UploadError::PhotoDocument => Self::new(StatusCode::CONFLICT, Code::PhotoDocument, detail),
            UploadError::NotRunning(_) => Self::new(StatusCode::CONFLICT, Code::FlowNotRunning, detail),
            UploadError::Db(error) => error.into(),
            UploadError::Store(_) | UploadError::Name(_) | UploadError::Cpu(_) | UploadError::Content(_) => {
                Self::internal(&error)
            }
        }
    }
}

impl From<ByHandError> for Problem {
    fn from(error: ByHandError) -> Self {
        let detail = error.to_string();
        let conflict = |code| Self::new(StatusCode::CONFLICT, code, detail.clone());
        match error {
            ByHandError::NotFound => Self::not_found(),
            ByHandError::NotReady(_) => conflict(Code::NotNow),
            ByHandError::PhotosMissing(lacking) => {
                Self { missing: lacking.photos, errors: lacking.fields, ..conflict(Code::PhotosMissing) }
            }
            ByHandError::FieldRequired(lacking) => Self { errors: lacking.fields, ..conflict(Code::FieldRequired) },
            ByHandError::NotEntitled => Self::new(StatusCode::FORBIDDEN, Code::Forbidden, detail),
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
            let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail.clone());
            Self { retry_after, ..problem }
        };
        match error {
            CollectError::Vendor { retry_after, .. } => {
                unavailable(Code::VendorFailed, retry_after.as_secs().clamp(1, 3600))
            }
            CollectError::NoDownloadField => Self::new(StatusCode::CONFLICT, Code::NoDownloadField, detail),
            CollectError::NoSealUse => Self::new(StatusCode::CONFLICT, Code::NoSealUse, detail),
            CollectError::NotFound => Self::not_found(),
            CollectError::Rule(refusal) => refusal.into(),
            CollectError::TooSlow => unavailable(Code::StillCollecting, 5),
            CollectError::Task(error) => Self::internal(&error),
            CollectError::Db(error) => error.into(),
        }
    }
}
