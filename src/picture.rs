//! Images: inspection of bytes, and thumbnails. All functions are pure and synchronous.

pub mod inspect;
pub mod thumbnail;
