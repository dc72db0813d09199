//! The application of one seal use to the vendor.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// The application to the vendor. It is stored, so the service can repeat it and prove it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    pub tenant_name: String,
    pub subject: String,
    pub description: Option<String>,
    pub applicant: Person,
    /// For an application by category: the category's name or id at the vendor. It decides the seal users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    pub wants: Vec<Want>,
}

/// One seal, its number of uses and its users.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Want {
    /// A seal's name or device number, as in the form.
    pub seal: String,
    pub count: u32,
    /// Empty for an application by category.
    pub users: Vec<Person>,
    /// The time in which the seal may be used, if it is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// The seal in the vendor's list. `None` until the list was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_vendor: Option<SealAtVendor>,
}

/// A seal as the vendor's list shows it.
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
