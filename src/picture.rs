//! Pictures, pure and synchronous: what a file's bytes say of it, and its thumbnails.

pub mod inspect;
pub mod thumbnail;
