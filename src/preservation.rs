//! Keeps the store and the rows consistent.

pub mod findings;
pub mod fixity;
pub mod orphans;
