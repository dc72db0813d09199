//! What files, archives and downloads answer when they cannot.

use axum::http::StatusCode;

use super::Problem;
use crate::{archive::by_hand::ByHandError, flow::FlowState, ingest::collect::CollectError, upload::UploadError};

/// A write to a flow that takes none any more.
fn closed(state: FlowState, detail: String) -> Problem {
    let code = if state == FlowState::Archived { "archived" } else { "flow_not_running" };
    Problem::new(StatusCode::CONFLICT, code, detail)
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        let detail = error.to_string();
        let unprocessable = |code| Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail.clone());
        match error {
            UploadError::Cut(_) => Self::new(StatusCode::BAD_REQUEST, "upload_cut", detail),
            UploadError::Stalled(_) => Self::new(StatusCode::REQUEST_TIMEOUT, "upload_stalled", detail),
            UploadError::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail),
            UploadError::TooMany(_) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_files", detail),
            UploadError::Empty(_) => unprocessable("empty_file"),
            UploadError::NoFile => Self::field("file", detail),
            UploadError::NotAnImage(_) => unprocessable("not_an_image"),
            UploadError::NotAFilesField(_) => unprocessable("not_a_files_field"),
            UploadError::NotFound => Self::not_found(),
            UploadError::DownloadField(_) | UploadError::NotEditable(_) => {
                Self::new(StatusCode::CONFLICT, "not_editable", detail)
            }
            UploadError::PhotoDocument => Self::new(StatusCode::CONFLICT, "photo_document", detail),
            UploadError::NotRunning(state) => closed(state, detail),
            UploadError::Db(error) => error.into(),
            UploadError::Store(_) | UploadError::Name(_) | UploadError::Cpu(_) | UploadError::Picture(_) => {
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
            ByHandError::NotRunning(state) => closed(state, detail),
            ByHandError::NotReady(_) => conflict("not_ready"),
            ByHandError::PhotosMissing(lacking) => {
                Self { missing: lacking.photos, errors: lacking.fields, ..conflict("photos_missing") }
            }
            ByHandError::FieldRequired(lacking) => Self { errors: lacking.fields, ..conflict("field_required") },
            ByHandError::NotEntitled => Self::new(StatusCode::FORBIDDEN, "forbidden", detail),
            ByHandError::NoReason => Self::field("reason", detail),
            ByHandError::Refused(_) => conflict("not_archived"),
            ByHandError::Db(error) => error.into(),
        }
    }
}

impl From<CollectError> for Problem {
    fn from(error: CollectError) -> Self {
        let detail = error.to_string();
        let later = |code, retry_after| {
            let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail.clone());
            Self { retry_after, ..problem }
        };
        match error {
            CollectError::Vendor { retry_after, .. } => later("vendor_failed", retry_after.as_secs().clamp(1, 3600)),
            CollectError::TooSlow => later("still_collecting", 5),
            CollectError::Task(error) => Self::internal(&error),
            CollectError::Db(error) => error.into(),
        }
    }
}
