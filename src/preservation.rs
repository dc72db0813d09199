//! Keeps the store and the rows in agreement.

pub mod orphans;
