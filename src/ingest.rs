//! Brings one seal use's photos in.

pub mod record;
pub mod zip;
