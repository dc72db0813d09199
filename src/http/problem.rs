//! Maps every error to an RFC 9457 problem with a stable `code`. No other module chooses the status of an error.

mod code;
mod files;
mod seal_use;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

pub use code::Code;

use crate::{
    archive::missing::PhotoShortfall,
    audit::journal::JournalError,
    bundle::of_flow::FreezeError,
    callback::CallbackError,
    content::{download::DownloadError, thumbnails::ThumbnailError},
    db::{self, DbError},
    definition::{FieldError, starters::StartRefusal},
    flow::{actions::Refusal, step::StepError},
    provider::{BadCredentials, ProviderError},
    secret::SecretError,
    store::StoreError,
    user::{login::LoginError, totp::TotpError},
};

/// A problem (RFC 9457).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    #[serde(skip)]
    #[schema(ignore)]
    pub status_code: StatusCode,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    pub code: Code,
    pub title: &'static str,
    /// What is wrong and what the caller must do, for people.
    pub detail: String,
    /// The members of the input that are not valid.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Counts of missing photos per grant and kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<PhotoShortfall>,
    /// Seconds in `Retry-After`, for 429 and 503.
    #[serde(skip)]
    #[schema(ignore)]
    pub retry_after: u64,
}

impl Problem {
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self::with_status(code.status(), code, detail)
    }

    /// For the codes that have another status too: `bad_json` and `vendor_failed`.
    #[must_use]
    pub(super) fn with_status(status: StatusCode, code: Code, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self {
            status_code: status,
            status: status.as_u16(),
            code,
            title,
            detail: detail.into(),
            errors: Vec::new(),
            missing: Vec::new(),
            retry_after: 1,
        }
    }

    #[must_use]
    pub fn not_found() -> Self {
        Self::new(
            Code::NotFound,
            "The object does not exist or is not visible to the caller. Check the id and the rights.",
        )
    }

    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(Code::Forbidden, "The roles of the caller do not allow this request. Ask an administrator.")
    }

    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = "Members of the input are not valid. Correct the members that `errors` names.";
        Self { errors, ..Self::new(Code::Invalid, detail) }
    }

    /// Returns the problem for one member of the input that is not valid.
    #[must_use]
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(field, message)])
    }

    /// Returns the problem for a body that came too slowly.
    #[must_use]
    pub fn slow_body() -> Self {
        Self::new(Code::TooSlow, Code::TooSlow.meaning())
    }

    /// Returns the problem for an error of the database that the caller did not cause.
    fn database(error: &DbError) -> Self {
        if db::is_unavailable(error) {
            tracing::error!(%error, "the database does not answer");
            return Self::new(Code::DatabaseUnavailable, "The database does not answer. Retry in a moment.");
        }
        Self::internal(error)
    }

    /// Returns true if the same request can succeed in a moment.
    pub(super) fn is_outage(&self) -> bool {
        self.status_code == StatusCode::SERVICE_UNAVAILABLE
    }

    /// Returns the problem for a failure of the service. The cause goes to the log and not to the caller.
    #[must_use]
    pub fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "request failed");
        Self::new(Code::Internal, "The service failed. See the service log for the cause.")
    }
}

/// An answer names at most this many errors.
const MOST_ERRORS: usize = 100;

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        self.errors.truncate(MOST_ERRORS);
        let (status, retry_after, code) = (self.status_code, self.retry_after, self.code);
        let mut response = (status, Json(self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        // The layer that records refused access reads it.
        response.extensions_mut().insert(code);
        let waits = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        if waits || code == Code::StillRunning {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
        }
        response
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        match &error {
            DbError::Database(cause) if cause.is_unique_violation() => {
                Self::new(Code::NameTaken, "The name is already in use. Choose another name.")
            }
            DbError::RowNotFound => Self::not_found(),
            _ => Self::database(&error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl From<ThumbnailError> for Problem {
    fn from(error: ThumbnailError) -> Self {
        match error {
            ThumbnailError::Impossible(_) => Self::new(Code::NoThumbnail, error.to_string()),
            ThumbnailError::Journal(error) => error.into(),
            ThumbnailError::Store(_) | ThumbnailError::Cpu(_) | ThumbnailError::Page(_) => Self::internal(&error),
        }
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Wrong | LoginError::WrongCode => Self::new(Code::LoginFailed, error.to_string()),
            LoginError::TotpRequired => Self::new(Code::TotpRequired, error.to_string()),
            LoginError::TooMany(wait) => {
                Self { retry_after: wait.as_secs(), ..Self::new(Code::TooManyLogins, error.to_string()) }
            }
            LoginError::Busy => Self::new(Code::Busy, error.to_string()),
            LoginError::Secret(error) => error.into(),
            LoginError::Journal(error) => error.into(),
            LoginError::Db(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}

impl From<TotpError> for Problem {
    fn from(error: TotpError) -> Self {
        let detail = error.to_string();
        match error {
            TotpError::IsOn => Self::new(Code::TotpIsOn, detail),
            TotpError::NotBegun => Self::new(Code::TotpNotBegun, detail),
            TotpError::WrongCode => Self::field("code", detail),
            TotpError::Seed => Self::internal(&error),
            TotpError::Secret(error) => error.into(),
            TotpError::Login(error) => error.into(),
            TotpError::Db(error) => error.into(),
        }
    }
}

impl From<StepError> for Problem {
    fn from(error: StepError) -> Self {
        let detail = error.to_string();
        let conflict = |code| Self::new(code, detail.clone());
        match error {
            StepError::Invalid(errors) => Self::invalid(errors),
            StepError::ContactMissing(_) => Self::new(Code::ContactMissing, detail),
            StepError::Unassignable(errors) => {
                let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
                let detail = messages.join("; ");
                Self { errors, ..Self::new(Code::Unassignable, detail) }
            }
            StepError::FieldRequired(errors) => Self { errors, ..conflict(Code::FieldRequired) },
            StepError::NotStarted(StartRefusal::Retired) => conflict(Code::Retired),
            StepError::NotStarted(StartRefusal::NotAStarter) => Self::new(Code::NotAStarter, detail),
            StepError::NotFound => Self::not_found(),
            StepError::NotAssigned | StepError::NotYet => Self::new(Code::NotAssigned, detail),
            StepError::ActedAlready => conflict(Code::AlreadyActed),
            StepError::MovedOn => conflict(Code::MovedOn),
            StepError::Refused(refusal) => refusal.into(),
            StepError::Check(error) => Self::internal(&error),
            StepError::Db(error) => error.into(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let conflict = |code| Self::new(code, refusal.to_string());
        match refusal {
            Refusal::PhotosMissing => conflict(Code::PhotosMissing),
            Refusal::FilesMissing => conflict(Code::FieldRequired),
            Refusal::SealNode => conflict(Code::SealNode),
            Refusal::NotSentBack => conflict(Code::NotSentBack),
            Refusal::OwnApproval => Self::new(Code::OwnApproval, refusal.to_string()),
            Refusal::NotYours(why) => Self::new(Code::NotYours, why),
            Refusal::NotNow(why) => Self::new(Code::NotNow, why),
            Refusal::NotRunning(why) => Self::new(Code::FlowNotRunning, why),
        }
    }
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::NoRandom => Self::internal(&error),
            _ => Self::new(Code::SecretLocked, error.to_string()),
        }
    }
}

impl From<BadCredentials> for Problem {
    fn from(error: BadCredentials) -> Self {
        let field = match error {
            BadCredentials::BaseUrl => "baseUrl",
            BadCredentials::AppToken => "appToken",
            BadCredentials::AppSecret => "appSecret",
            BadCredentials::SignMode => "signMode",
        };
        Self::field(field, error.to_string())
    }
}

impl From<ProviderError> for Problem {
    fn from(error: ProviderError) -> Self {
        Self::new(Code::VendorFailed, error.to_string())
    }
}

impl From<CallbackError> for Problem {
    fn from(error: CallbackError) -> Self {
        match error {
            CallbackError::Full => Self::new(Code::Busy, error.to_string()),
            CallbackError::TooMuch { retry_after } => {
                Self { retry_after: retry_after.as_secs().max(1), ..Self::new(Code::TooMuch, error.to_string()) }
            }
            CallbackError::TooLarge { .. } => Self::new(Code::TooLarge, error.to_string()),
            CallbackError::Slow(_) => Self::new(Code::TooSlow, error.to_string()),
            CallbackError::Cut(_) | CallbackError::Packed(_) => Self::new(Code::UploadCut, error.to_string()),
            CallbackError::Coding(_) => {
                Self::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BadJson, error.to_string())
            }
            CallbackError::Db(error) => Self::database(&error),
            CallbackError::Store(_) | CallbackError::Cpu(_) | CallbackError::Stopping => Self::internal(&error),
        }
    }
}

impl From<FreezeError> for Problem {
    fn from(error: FreezeError) -> Self {
        match error {
            FreezeError::Db(error) => error.into(),
            FreezeError::Changed => Self::new(Code::SelectionChanged, error.to_string()),
            FreezeError::Store(_) | FreezeError::Expiry(_) | FreezeError::Cpu(_) => Self::internal(&error),
        }
    }
}

impl From<DownloadError> for Problem {
    fn from(error: DownloadError) -> Self {
        match error {
            DownloadError::Damaged => Self::new(Code::OriginalDamaged, Code::OriginalDamaged.meaning()),
            DownloadError::Store(error) => error.into(),
            DownloadError::Db(error) => error.into(),
            DownloadError::Journal(error) => error.into(),
        }
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Full => Self::new(Code::Busy, error.to_string()),
            JournalError::Db(error) => Self::database(&error),
            JournalError::Stopping => Self::internal(&error),
        }
    }
}
