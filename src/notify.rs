//! Says what has changed, so that pages read it again.

pub mod peers;
