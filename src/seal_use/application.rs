//! What is asked of the vendor by one seal use.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// What is asked of the vendor: kept, so that it can be asked again and proved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    pub tenant_name: String,
    pub subject: String,
    pub description: Option<String>,
    pub applicant: Person,
    /// By category: its name or id at the vendor. It says who stamps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    pub wants: Vec<Want>,
}

/// One seal, how often, by whom.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    /// A seal's name or device number, as the form has it.
    pub seal: String,
    pub count: u32,
    /// Nobody when applied for by category.
    pub users: Vec<Person>,
    /// The time in which the seal may be used, where it is bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// What the vendor calls the seal; known once its list was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_vendor: Option<SealAtVendor>,
}

/// A seal as the vendor's list has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealAtVendor {
    pub name: String,
    pub device_no: Option<String>,
    pub owner: Option<String>,
}

/// A person as the vendor knows them: by employee number, else by mobile phone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    pub username: String,
    pub name: String,
    pub number: Option<String>,
    pub mobile: Option<String>,
}
