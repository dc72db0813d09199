//! User actions in the knowledge base: folders, the files of a flow's fields, the search index made
//! anew.

pub mod attachments;
pub mod folders;
pub mod reindex;
