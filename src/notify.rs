//! Tells open pages what has changed, so that they read it again.

pub mod peers;
