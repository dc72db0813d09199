//! The application in the vendor's format.

use serde::{Serialize, Serializer};

use super::is_business_id;
use crate::{
    clock::Timestamp,
    provider::{GivenApproval, PersonRef, RequestedSeal, SealRequest},
};

/// Body of `/seal/apply/multiple` and `/seal/apply/mulitipleByCategory`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApplicationBody<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    tenant_name: &'a str,
    subject: &'a str,
    /// A business category of type PHYSICAL.
    #[serde(skip_serializing_if = "Option::is_none")]
    category_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_no: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applyer_name: Option<&'a str>,
    /// The applicant's phone. This or `applyer_number` is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    applyer_contact: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applyer_number: Option<&'a str>,
    auths: Vec<ApplicationAuth<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    documents: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flow_nodes: Vec<FlowNode<'a>>,
}

impl<'a> From<&'a SealRequest> for ApplicationBody<'a> {
    fn from(request: &'a SealRequest) -> Self {
        let category = request.category.as_deref();
        Self {
            tenant_name: &request.tenant_name,
            subject: &request.subject,
            category_id: category.filter(|category| is_business_id(category)),
            category_name: category.filter(|category| !is_business_id(category)),
            serial_no: request.serial_no.as_deref(),
            description: request.description.as_deref(),
            applyer_name: request.applicant_name.as_deref(),
            applyer_contact: request.applicant.mobile.as_deref(),
            applyer_number: request.applicant.number.as_deref(),
            auths: request.seals.iter().map(Into::into).collect(),
            documents: &request.documents,
            callback_url: request.callback_url.as_deref(),
            flow_nodes: request.approvals.iter().map(Into::into).collect(),
        }
    }
}

/// One seal of an application.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApplicationAuth<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    device_no: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seal_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_name: Option<&'a str>,
    count: u32,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "china")]
    start_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "china")]
    end_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<SealUser<'a>>,
}

impl<'a> From<&'a RequestedSeal> for ApplicationAuth<'a> {
    fn from(seal: &'a RequestedSeal) -> Self {
        Self {
            device_no: seal.device_no.as_deref(),
            seal_name: seal.seal_name.as_deref(),
            owner_name: seal.owner_name.as_deref(),
            count: seal.count,
            start_time: seal.start,
            end_time: seal.end,
            users: seal.users.iter().map(Into::into).collect(),
        }
    }
}

#[derive(Serialize)]
struct SealUser<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    mobile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<&'a str>,
}

impl<'a> From<&'a PersonRef> for SealUser<'a> {
    fn from(person: &'a PersonRef) -> Self {
        Self { mobile: person.mobile.as_deref(), number: person.number.as_deref() }
    }
}

/// An approval that was given before the application.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FlowNode<'a> {
    name: &'a str,
    /// `SEAL_AUDIT`: the vendor documents no other.
    category: &'static str,
    #[serde(serialize_with = "china")]
    create_time: Option<Timestamp>,
    #[serde(serialize_with = "china")]
    complete_time: Option<Timestamp>,
    operator_data: OperatorData<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OperatorData<'a> {
    operate_type: &'static str,
    info: &'a str,
    #[serde(serialize_with = "china")]
    operator_time: Option<Timestamp>,
    operator: SealUser<'a>,
}

impl<'a> From<&'a GivenApproval> for FlowNode<'a> {
    fn from(approval: &'a GivenApproval) -> Self {
        Self {
            name: &approval.node_name,
            category: "SEAL_AUDIT",
            create_time: Some(approval.begun_at),
            complete_time: Some(approval.given_at),
            operator_data: OperatorData {
                operate_type: "approve",
                info: &approval.comment,
                operator_time: Some(approval.given_at),
                operator: (&approval.approver).into(),
            },
        }
    }
}

/// `yyyy-MM-dd HH:mm:ss` in China, as the vendor writes times.
#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
pub(super) fn china<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(&at.in_china().strftime("%Y-%m-%d %H:%M:%S")),
        None => serializer.serialize_none(),
    }
}
