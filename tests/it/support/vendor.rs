//! Vendors beside the simulated one: a door before it that can be shut, and a fake that says bytes word for word.

pub(crate) mod door;
pub(crate) mod raw;
