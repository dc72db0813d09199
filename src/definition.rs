//! A definition (流程类型): form fields, nodes and the integration configuration, with versions.
//!
//! A running flow keeps the version with which it was started.

mod check;
pub mod folders;
pub mod moment;
mod ready_made;
pub mod save;
pub mod starters;
mod version;

use serde::{Deserialize, Serialize};

pub use crate::vocabulary::FieldError;
pub use check::{check, check_people};
pub use ready_made::ready_made;
pub use version::{Definition, VersionHead};

use crate::{id::ServiceId, library::FolderPath, vocabulary::words};

/// The place of a flow before its first node.
pub const START: &str = "start";

words! {
    FieldType {
        Text = "text",
        Textarea = "textarea",
        Number = "number",
        /// A day: yyyy-MM-dd.
        Date = "date",
        /// A time of day: HH:mm or HH:mm:ss.
        Time = "time",
        /// A day with a time of day in China: yyyy-MM-ddTHH:mm or yyyy-MM-ddTHH:mm:ss.
        Datetime = "datetime",
        Select = "select",
        /// A username.
        User = "user",
        /// A list of usernames.
        Users = "users",
        /// A seal's name or device number.
        Seal = "seal",
        Seals = "seals",
        /// An ordered list of documents. Set by upload only.
        Files = "files",
        /// A list of rows.
        Table = "table",
    }
}

words! {
    NodeKind { Approval = "approval", Seal = "seal" }
}

words! {
    /// How many assignees of a node must approve.
    Mode {
        Any = "any",
        All = "all",
        /// All assignees, in the order listed.
        Sequence = "sequence",
    }
}

words! {
    /// Whether a flow is archived after its last node by a job or by a user.
    ArchiveMode { Auto = "auto", Manual = "manual" }
}

/// A form field.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Field {
    #[schema(pattern = "^[a-zA-Z0-9_-]{1,64}$")]
    pub key: String,
    #[schema(pattern = r"\S")]
    pub label: String,
    #[serde(rename = "type")]
    pub field_type: FieldType,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub required: bool,
    /// The choices of a `select`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
    /// The columns of a `table`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    pub columns: Option<Vec<Field>>,
}

/// An assignee of a node: `user:<username>`, `role:<role>`, `field:<key>` (the users that a form field or a column
/// `table.column` names) or `manager` (the manager of the starter).
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, pattern = r"^(user:[^\x00]+|role:(admin|operator|archivist|auditor|member)|field:[a-zA-Z0-9_-]{1,64}(\.[a-zA-Z0-9_-]{1,64})?|manager)$")]
#[expect(dead_code, reason = "only describes an assignee in the OpenAPI document")]
struct Assignee(String);

/// A user or a role that may start flows: `user:<username>` or `role:<role>`.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, pattern = r"^(user:[^\x00]+|role:(admin|operator|archivist|auditor|member))$")]
#[expect(dead_code, reason = "only describes a starter in the OpenAPI document")]
struct Starter(String);

/// One step of the flow.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Node {
    #[schema(pattern = "^[a-zA-Z0-9_-]{1,64}$")]
    pub key: String,
    #[schema(pattern = r"\S")]
    pub name: String,
    pub kind: NodeKind,
    /// `user:<username>`, `role:<role>`, `field:<key>` (the users that a form field or a column `table.column` names when
    /// the node is reached) or `manager` (the manager of the starter).
    #[schema(value_type = Vec<Assignee>, min_items = 1)]
    pub assignees: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub editable: Option<Vec<String>>,
}

/// The integration configuration: the meaning of the form fields and the actions at each node.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Integration {
    /// False: no application is sent to the vendor.
    pub enabled: bool,
    pub service_id: ServiceId,
    pub subject_field: String,
    pub organisation_field: String,
    /// The field beside which the buttons show. Default: the organisation field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub button_field: Option<String>,
    /// A seal field of the main form, or `table.column`.
    pub seal_field: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_field: Option<String>,
    pub count_field: String,
    /// The application is sent when the flow leaves this node. `start` means at submission.
    pub apply_node: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applicant_field: Option<String>,
    /// The field with the name of the vendor's category (用印流程).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category_field: Option<String>,
    /// True: the vendor's category decides the seal users, and the user field is not used.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub by_category: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_date_field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time_field: Option<String>,
    /// At the end date, use ends automatically.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date_field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time_field: Option<String>,
    /// Files to be stamped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_field: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub code_nodes: Vec<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub detail_nodes: Vec<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub finish_nodes: Vec<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub append_nodes: Vec<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub download_nodes: Vec<String>,
    /// When the flow leaves one of these nodes, the service also passes the vendor's approval.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub sync_nodes: Vec<String>,
    /// The files field that receives the photos. Absent: photos can only be downloaded to the own machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_field: Option<String>,
    /// Default: 系统知识库-电子签.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_folder: Option<FolderPath>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamped_file_field: Option<String>,
    /// The folder of stamped files. Default: the download folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamped_folder: Option<FolderPath>,
    #[serde(default = "archive_auto")]
    #[schema(value_type = Option<ArchiveMode>)]
    pub archive: ArchiveMode,
}

fn archive_auto() -> ArchiveMode {
    ArchiveMode::Auto
}

/// The body of a definition: the part that has versions.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Body {
    #[schema(pattern = r"\S")]
    pub name: String,
    pub fields: Vec<Field>,
    #[schema(min_items = 1)]
    pub nodes: Vec<Node>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration: Option<Integration>,
    /// False: the starter of a flow takes no turn at its approval nodes, not even as an administrator. Default: true.
    #[serde(default = "allowed")]
    #[schema(value_type = Option<bool>)]
    pub self_approval: bool,
    /// True: no new flow starts. Running flows go on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schema(value_type = Option<bool>)]
    pub retired: bool,
    /// The users who may start flows: `user:<username>` or `role:<role>`. Default: every user with another role than
    /// auditor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Starter>>, min_items = 1)]
    pub starters: Option<Vec<String>>,
}

fn allowed() -> bool {
    true
}

impl Body {
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    #[must_use]
    pub fn node(&self, key: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.key == key)
    }

    /// Returns the node after `key`. `None` after the last node.
    #[must_use]
    pub fn node_after(&self, key: &str) -> Option<&Node> {
        self.nodes.iter().skip_while(|node| node.key != key).nth(1)
    }

    /// Returns true if the starter of a flow may take no turn at this node.
    #[must_use]
    pub fn bars_starter(&self, node: &Node) -> bool {
        node.kind == NodeKind::Approval && !self.self_approval
    }

    /// Returns true for the fields whose files the vendor gets with the application: the template and file fields.
    #[must_use]
    pub fn goes_to_vendor(&self, field: &Field) -> bool {
        let fields = self.enabled_integration().map(|i| [i.template_field.as_deref(), i.file_field.as_deref()]);
        fields.is_some_and(|fields| fields.contains(&Some(field.key.as_str())))
    }

    /// Returns true for the field of the stamped files, also of a configuration that is switched off.
    #[must_use]
    pub fn is_stamped_file(&self, field: &Field) -> bool {
        self.integration.as_ref().is_some_and(|i| i.stamped_file_field.as_ref() == Some(&field.key))
    }

    /// Returns the integration configuration if it is enabled.
    #[must_use]
    pub fn enabled_integration(&self) -> Option<&Integration> {
        self.integration.as_ref().filter(|integration| integration.enabled)
    }
}
