//! Missing photos by the count of a provider.

use crate::clock::Timestamp;

/// A grant with more stampings than photos. Its seal code is not read, because no caller needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// The provider's id of the auth.
    pub auth_id: String,
    pub business_id: Option<String>,
    pub user_name: Option<String>,
    pub seal_id: Option<String>,
    pub subject: Option<String>,
    pub create_time: Option<Timestamp>,
    pub complete: bool,
    pub complete_time: Option<Timestamp>,
    /// Photos that are missing at the provider.
    pub owed: u32,
    /// Photos that the provider has.
    pub photos: u32,
    /// The number of counted stampings.
    pub used: u32,
}
