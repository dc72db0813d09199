//! All that is done at the vendor about one seal use: the application, appended uses, the time of use, its end, files
//! that are sent, photos that are supplied, and the vendor's detail written into our rows.

pub mod actor;
pub mod append_uses;
pub mod apply;
pub mod deliver;
pub mod detail;
pub mod end_use;
pub mod live_detail;
pub mod owed_photos;
pub mod resolve;
pub mod supply;
pub mod time_window;
