//! Keeps the store and the rows consistent.

pub mod fixity;
pub mod orphans;
