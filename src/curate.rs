//! User actions in the knowledge base: folders, and the files of a flow's fields.

pub mod attachments;
pub mod folders;
