//! sqlx with its derives and `migrate!`, without a second copy of the database drivers.
//!
//! sqlx's own feature `derive` compiles both drivers, SQLite's C code, TLS and tokio once more for the compiler's side.
//! Only `query!`, which this project does not use, needs them there. Here the macros come from their crate directly,
//! and that crate is built without drivers. Both versions are pinned together.
//!
//! yinku depends on this crate under the name `sqlx`, because the macros write `::sqlx::…`.

pub use sqlx::*;
pub use sqlx_macros::{FromRow, Type, migrate};

/// `#[sqlx(try_from = "…")]` expands to this. In sqlx it is behind the feature `derive`.
#[doc(hidden)]
#[macro_export]
macro_rules! __spec_error {
    ($error:expr) => {
        ::std::boxed::Box::<dyn ::std::error::Error + ::std::marker::Send + ::std::marker::Sync>::from($error)
    };
}
