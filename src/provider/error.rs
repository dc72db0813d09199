//! What can go wrong at the vendor, told apart by what a caller does about it.

use std::{error::Error, time::Duration};

/// Why a call to the vendor gave nothing. Texts are short and have no control characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// DNS, connection or TLS: the request surely never arrived.
    #[error("the vendor cannot be reached: {0}")]
    Unreachable(String),
    /// Nothing came for `read_timeout`, or not all within `total_timeout`. The request may have arrived.
    #[error("the vendor did not answer in time")]
    Timeout,
    /// The connection ended before the answer did. The request may have arrived.
    #[error("the vendor's answer was cut off: {0}")]
    Cut(String),
    /// An HTTP status other than 2xx, with nothing that says more.
    #[error("the vendor answered HTTP {status}: {text}")]
    Status { status: u16, text: String, retry_after: Option<Duration> },
    /// The vendor says no, by a JSON code or by a status of its own (440 to 447).
    #[error("the vendor refused: {message} (code {code})")]
    Rejected { status: u16, code: i64, message: String, retry_after: Option<Duration> },
    /// An HTML page where data was asked for.
    #[error("the vendor answered with a web page (HTTP {status}): {title}")]
    Html { status: u16, title: String, retry_after: Option<Duration> },
    /// Success, but no bytes.
    #[error("the vendor's answer was empty")]
    Empty,
    /// The answer is, or says it is, longer than `limit` bytes.
    #[error("the vendor's answer is longer than {limit} bytes")]
    TooLarge { limit: u64 },
    /// Redirects are not followed: the signature would go to somebody else.
    #[error("the vendor redirects to {location}")]
    Redirected { location: String },
    /// An answer that makes no sense, or a request that cannot be written.
    #[error("the exchange with the vendor made no sense: {0}")]
    Garbled(String),
    /// The file that should take the answer could not be written. Not the vendor's fault.
    #[error("the vendor's answer could not be stored: {0}")]
    Disk(String),
}

impl ProviderError {
    /// The stable name that the API shows.
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

    /// Worth another try without anybody doing anything. A refusal counts when it came with 5xx or 429.
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

    /// The vendor cannot have acted on the request, so that even an application may be sent again.
    #[must_use]
    pub fn surely_never_arrived(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }

    /// Nobody knows whether the vendor acted on the request: it may have arrived, and no refusal came back.
    #[must_use]
    pub fn unclear(&self) -> bool {
        !self.surely_never_arrived() && !matches!(self, Self::Rejected { .. })
    }

    /// How long the vendor asked to be left alone (with 429 or 503), unbounded.
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
        // The address goes to the log of the caller, who knows it; here it would only bloat the text.
        let error = error.without_url();
        if error.is_builder() {
            Self::Garbled(causes(&error))
        } else if error.is_connect() {
            // Before the timeout: a connection that took too long never carried the request.
            Self::Unreachable(causes(&error))
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Cut(causes(&error))
        }
    }
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

/// At most 200 characters, blanks folded, no control characters: fit for a log line and a database.
pub(crate) fn short(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(200).collect()
}
