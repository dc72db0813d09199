//! User actions in the knowledge base: folders and their rights, documents, the trash, and the files of a flow's fields.

pub mod attachments;
pub mod documents;
pub mod folders;
pub mod rights;
pub mod trash;
pub mod uploads;
