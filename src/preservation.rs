//! Keeps the store and the rows consistent.

pub mod findings;
pub mod fixity;
pub mod orphans;
pub mod parting;
pub mod runs;
pub mod scrub;
pub mod untracked;
