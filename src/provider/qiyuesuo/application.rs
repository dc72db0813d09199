//! What is asked of the vendor.

use serde::{Serialize, Serializer};

use crate::clock::Timestamp;

/// One application for seal use (vendor path `/seal/apply/multiple`), in the vendor's words.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// The company that asks.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tenant_name: String,
    pub subject: String,
    /// A business category of type PHYSICAL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_id: Option<String>,
    /// By category only: the category by its name, which needs `tenant_name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial_no: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applyer_name: Option<String>,
    /// The applicant's phone; this or `applyer_number` is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applyer_contact: Option<String>,
    /// The applicant's employee number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applyer_number: Option<String>,
    pub auths: Vec<ApplicationAuth>,
    /// Ids of documents uploaded before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// By category only: the approvals that were given before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flow_nodes: Vec<FlowNode>,
}

/// An approval that was given before the application, by category only.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowNode {
    pub name: String,
    /// `SEAL_AUDIT`: the vendor documents no other.
    pub category: &'static str,
    #[serde(serialize_with = "china")]
    pub create_time: Option<Timestamp>,
    #[serde(serialize_with = "china")]
    pub complete_time: Option<Timestamp>,
    pub operator_data: OperatorData,
}

/// Who approved, when, and with which words.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorData {
    /// `approve`.
    pub operate_type: &'static str,
    pub info: String,
    #[serde(serialize_with = "china")]
    pub operator_time: Option<Timestamp>,
    pub operator: SealUser,
}

impl FlowNode {
    /// `operator` approved the step `name`, which began at `begun`.
    #[must_use]
    pub fn approved(name: String, begun: Timestamp, at: Timestamp, info: String, operator: SealUser) -> Self {
        let data = OperatorData { operate_type: "approve", info, operator_time: Some(at), operator };
        Self { name, category: "SEAL_AUDIT", create_time: Some(begun), complete_time: Some(at), operator_data: data }
    }
}

/// One seal of an application: who may use it how often.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationAuth {
    /// The seal by its box; this or `seal_name` is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_no: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal_name: Option<String>,
    /// The company that owns the seal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_name: Option<String>,
    /// Uses asked for.
    pub count: u32,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "china")]
    pub start_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "china")]
    pub end_time: Option<Timestamp>,
    /// Never empty, but by category, where the category says who stamps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<SealUser>,
}

/// A person who may stamp, by phone or employee number; at least one is needed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SealUser {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
}

/// `yyyy-MM-dd HH:mm:ss` in China, as the vendor writes times.
#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
pub(super) fn china<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(&at.in_china().strftime("%Y-%m-%d %H:%M:%S")),
        None => serializer.serialize_none(),
    }
}
