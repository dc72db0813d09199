//! Requests to a provider: a new seal use, and a change of its time of use.

use crate::clock::Timestamp;

/// One application for seal use.
#[derive(Clone, Debug, Default)]
pub struct SealRequest {
    /// The company that applies.
    pub tenant_name: String,
    pub subject: String,
    /// By category only: the category's id or name at the provider. A name needs `tenant_name`.
    pub category: Option<String>,
    pub serial_no: Option<String>,
    pub description: Option<String>,
    pub applicant_name: Option<String>,
    pub applicant: PersonRef,
    pub seals: Vec<RequestedSeal>,
    /// The provider's ids of the documents to be stamped, which were sent before.
    pub documents: Vec<String>,
    pub callback_url: Option<String>,
    /// By category only: the approvals that were given before the application.
    pub approvals: Vec<GivenApproval>,
}

/// One seal of an application: its number of uses and its users.
#[derive(Clone, Debug, Default)]
pub struct RequestedSeal {
    /// The number of the seal's box. `device_no` or `seal_name` is needed.
    pub device_no: Option<String>,
    pub seal_name: Option<String>,
    /// The company that owns the seal.
    pub owner_name: Option<String>,
    /// Uses applied for.
    pub count: u32,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    /// Empty only by category: the category defines the people.
    pub users: Vec<PersonRef>,
}

/// A person, by phone or employee number. At least one is needed.
#[derive(Clone, Debug, Default)]
pub struct PersonRef {
    pub mobile: Option<String>,
    pub number: Option<String>,
}

/// An approval that was given before the application.
#[derive(Clone, Debug)]
pub struct GivenApproval {
    /// The name of the node.
    pub node_name: String,
    pub begun_at: Timestamp,
    pub given_at: Timestamp,
    pub comment: String,
    pub approver: PersonRef,
}

/// The time in which seals may be used. Without `device_no` and `seal_name` it applies to all seals that have not
/// ended.
#[derive(Clone, Debug, Default)]
pub struct SealWindow {
    pub business_id: String,
    pub device_no: Option<String>,
    pub seal_name: Option<String>,
    pub owner_name: Option<String>,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
}
