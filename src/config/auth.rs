use serde::{Deserialize, Serialize};

use super::Span;

/// Sessions, tokens and one-time codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// A session ends after this time without a request of its user. Polls and open event streams do not count.
    pub session_idle: Span,
    /// Lifetime of a token in days, if its maker names no other.
    pub token_days: u32,
    /// A user with one of these roles must set up one-time codes (TOTP) before anything else.
    pub totp_required_roles: Vec<String>,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self { session_idle: Span::hours(2), token_days: 90, totp_required_roles: Vec::new() }
    }
}
