//! The knowledge base: folders in three spaces, and the documents in them.

pub mod document;
pub mod folder;
pub mod search;
pub mod search_terms;

use serde::{Deserialize, Serialize};

use crate::vocabulary::words;

words! {
    /// The three knowledge-base spaces.
    Space {
        /// 公共知识库, the company's.
        Public = "public",
        /// 个人知识库, the flow starter's.
        Personal = "personal",
        /// 系统知识库: what modules produce; ours is 系统知识库-电子签.
        System = "system",
    }
}

/// A folder of the knowledge base, by space and path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderPath {
    pub space: Space,
    /// Names joined by `/`; created when missing.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub path: String,
}
