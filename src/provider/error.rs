//! Failures of calls to the vendor. Each variant needs a different reaction of the caller.

use std::{error::Error, time::Duration};

/// The reason why a call to the vendor failed. Texts are short and have no control characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// DNS, connection or TLS failed, so the request surely did not arrive.
    #[error("the vendor cannot be reached: {0}")]
    Unreachable(String),
    /// No data within `read_timeout`, or not all data within `total_timeout`. The request may have arrived.
    #[error("the vendor did not answer in time")]
    Timeout,
    /// The connection ended before the answer did. The request may have arrived.
    #[error("the vendor's answer was cut off: {0}")]
    Cut(String),
    /// An HTTP status other than 2xx without an explanation.
    #[error("the vendor answered HTTP {status}: {text}")]
    Status { status: u16, text: String, retry_after: Option<Duration> },
    /// The vendor refused, with a JSON code or with its own status (440 to 447).
    #[error("the vendor refused: {message} (code {code})")]
    Rejected { status: u16, code: i64, message: String, retry_after: Option<Duration> },
    /// The answer is an HTML page instead of data.
    #[error("the vendor answered with a web page (HTTP {status}){}", after_colon(title))]
    Html { status: u16, title: String, retry_after: Option<Duration> },
    /// The answer is successful but empty.
    #[error("the vendor's answer was empty")]
    Empty,
    /// The answer is longer than `limit` bytes, or declares so.
    #[error("the vendor's answer is longer than {limit} bytes")]
    TooLarge { limit: u64 },
    /// The client does not follow redirects, because another server would get the signature.
    #[error("the vendor redirects to {location}")]
    Redirected { location: String },
    /// An answer that cannot be read, or a request that cannot be built.
    #[error("the answer or the request is malformed: {0}")]
    Garbled(String),
    /// The service could not write the answer to a file.
    #[error("the vendor's answer could not be stored: {0}")]
    Disk(String),
}

/// The vendor's code of an unknown error. The vendor may have acted.
const UNKNOWN_ERROR: i64 = 1_000_000;

/// Returns true if a server that answers with this status surely did not act.
fn refuses(status: u16) -> bool {
    status == 503 || ((400..500).contains(&status) && status != 408)
}

impl ProviderError {
    /// Returns the stable name for the API.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "vendor_unreachable",
            Self::Timeout => "vendor_timeout",
            Self::Cut(_) => "vendor_cut",
            Self::Status { .. } => "vendor_status",
            Self::Rejected { .. } => "vendor_rejected",
            Self::Html { .. } => "vendor_html",
            Self::Empty => "vendor_empty",
            Self::TooLarge { .. } => "vendor_too_large",
            Self::Redirected { .. } => "vendor_redirected",
            Self::Garbled(_) => "vendor_garbled",
            Self::Disk(_) => "disk",
        }
    }

    /// Returns true if a retry can succeed without a change by a user. This includes refusals with 5xx or 429.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout | Self::Cut(_) | Self::Empty => true,
            Self::Status { status, .. } | Self::Rejected { status, .. } | Self::Html { status, .. } => {
                *status >= 500 || matches!(status, 408 | 429)
            }
            Self::TooLarge { .. } | Self::Redirected { .. } | Self::Garbled(_) | Self::Disk(_) => false,
        }
    }

    /// Returns true if the vendor cannot have acted on the request. Then even an application may be sent again.
    #[must_use]
    pub fn surely_never_arrived(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }

    /// Returns true if the vendor surely did not take a file: it refused in its own words, or its server refused before
    /// it read the request. After other statuses, and after an error that the vendor itself calls unknown, the vendor may
    /// have the file.
    #[must_use]
    pub fn surely_refused(&self) -> bool {
        match self {
            Self::Rejected { code: UNKNOWN_ERROR, .. } => false,
            Self::Rejected { status, .. } => *status < 400 || refuses(*status),
            Self::Status { status, .. } | Self::Html { status, .. } => refuses(*status),
            _ => false,
        }
    }

    /// Returns true if the vendor refused in its own words, so it surely did not act.
    #[must_use]
    pub fn refused_in_words(&self) -> bool {
        matches!(self, Self::Rejected { .. }) && self.surely_refused()
    }

    /// Returns true if it is unknown whether the vendor acted: the request may have arrived, and no refusal came back.
    #[must_use]
    pub fn unclear(&self) -> bool {
        !self.surely_never_arrived() && !self.refused_in_words()
    }

    /// Returns the vendor's `Retry-After` (with 429 or 503), without a limit.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } | Self::Rejected { retry_after, .. } | Self::Html { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }
}

impl From<std::io::Error> for ProviderError {
    fn from(error: std::io::Error) -> Self {
        Self::Disk(causes(&error))
    }
}

impl From<reqwest::Error> for ProviderError {
    fn from(error: reqwest::Error) -> Self {
        // Omit the URL: the caller knows it, and the text stays short.
        let error = error.without_url();
        if error.is_builder() {
            Self::Garbled(causes(&error))
        } else if error.is_connect() {
            // Test this before the timeout: a connection that timed out did not carry the request.
            Self::Unreachable(causes(&error))
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Cut(causes(&error))
        }
    }
}

/// The title of a page after a colon. Nothing for a page without a title.
fn after_colon(title: &str) -> String {
    if title.is_empty() { String::new() } else { format!(": {title}") }
}

fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    short(&text)
}

/// Shortens a text for a log line and a database: at most 200 characters, folded blanks, no control characters.
pub(crate) fn short(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(status: u16, code: i64) -> ProviderError {
        ProviderError::Rejected { status, code, message: "x".into(), retry_after: None }
    }

    #[test]
    fn an_error_that_the_vendor_calls_unknown_is_no_refusal() {
        for (status, code, refused) in [
            (200, 1_000_001, true),
            (200, 1_000_000, false),
            (400, 1_000_001, true),
            (408, 1_000_001, false),
            (445, 445, true),
            (500, 1_000_001, false),
            (503, 1_000_001, true),
        ] {
            let error = rejected(status, code);
            assert_eq!((error.surely_refused(), error.unclear()), (refused, !refused), "{error:?}");
        }
    }
}
