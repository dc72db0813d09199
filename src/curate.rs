//! User actions in the knowledge base: folders and their rights, documents, the trash, the files of a flow's fields, and
//! the search index made anew.

pub mod attachments;
pub mod documents;
pub mod folders;
pub mod reindex;
pub mod rights;
pub mod trash;
pub mod uploads;
