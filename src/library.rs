//! The knowledge base: folders in three spaces, and the documents in them.

pub mod document;
pub mod folder;
pub mod listing;
pub mod reindexing;
pub mod rights;
pub mod search;
pub mod search_terms;
pub mod selected;
pub mod trash;

use serde::{Deserialize, Serialize};

use crate::vocabulary::words;

words! {
    /// The three spaces of the knowledge base.
    Space {
        /// 公共知识库: folders of the company.
        Public = "public",
        /// 个人知识库: folders of the user who started the flow.
        Personal = "personal",
        /// 系统知识库: documents made by modules. This module uses 系统知识库-电子签.
        System = "system",
    }
}

/// A folder of the knowledge base, by space and path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderPath {
    pub space: Space,
    /// Folder names joined by `/`. Missing folders are created.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub path: String,
}
