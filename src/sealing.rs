//! All calls to the vendor about one seal use: the application, appended uses, the time of use, the end of use,
//! stamped files, supplied photos. Also stores the vendor's detail as rows.

pub mod accept;
pub mod actor;
pub mod append_uses;
pub mod apply;
pub mod deliver;
pub mod detail;
pub mod end_use;
mod hint;
pub mod live_detail;
pub mod owed_photos;
pub mod resolve;
pub mod supply;
pub mod time_window;
pub mod withdraw;
