//! Keeps the store and the rows consistent.

pub mod orphans;
