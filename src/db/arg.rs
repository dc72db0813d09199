//! Statement parameters for both engines.

use std::borrow::Cow;

use sqlx::{Arguments, postgres::PgArguments, sqlite::SqliteArguments};

use super::DbError;
use crate::{clock::Timestamp, hash::Blake3, vocabulary::Symbol};

/// A parameter. NULL keeps its type, because PostgreSQL needs it.
#[derive(Clone, Debug)]
pub enum Arg {
    Text(Option<String>),
    Int(Option<i64>),
    Bool(Option<bool>),
    Bytes(Option<Vec<u8>>),
}

/// Removes NUL from a text before it is bound. PostgreSQL refuses NUL and SQLite stores it, so the engines would behave
/// differently.
#[must_use]
pub fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

macro_rules! arguments {
    ($name:ident, $arguments:ty) => {
        pub(super) fn $name(args: Vec<Arg>) -> Result<$arguments, DbError> {
            let mut arguments = <$arguments>::default();
            for arg in args {
                match arg {
                    Arg::Text(value) => arguments.add(value.as_deref().map(storable)),
                    Arg::Int(value) => arguments.add(value),
                    Arg::Bool(value) => arguments.add(value),
                    Arg::Bytes(value) => arguments.add(value),
                }
                .map_err(DbError::Encode)?;
            }
            Ok(arguments)
        }
    };
}

arguments!(sqlite_arguments, SqliteArguments);
arguments!(postgres_arguments, PgArguments);

macro_rules! from {
    ($($type:ty => $variant:ident($convert:expr)),+ $(,)?) => {$(
        impl From<$type> for Arg {
            fn from(value: $type) -> Self {
                Self::$variant(Some($convert(value)))
            }
        }

        impl From<Option<$type>> for Arg {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map($convert))
            }
        }
    )+};
}

from! {
    &str => Text(str::to_owned),
    &String => Text(String::clone),
    String => Text(|text: String| text),
    &Blake3 => Text(|hash: &Blake3| hash.as_str().to_owned()),
    i64 => Int(|number: i64| number),
    i32 => Int(i64::from),
    u32 => Int(i64::from),
    Timestamp => Int(|at: Timestamp| at.0),
    bool => Bool(|truth: bool| truth),
    Vec<u8> => Bytes(|bytes: Vec<u8>| bytes),
}

impl<S: Symbol> From<S> for Arg {
    fn from(symbol: S) -> Self {
        Self::Text(Some(symbol.text().to_owned()))
    }
}

impl<S: Symbol> From<Option<S>> for Arg {
    fn from(symbol: Option<S>) -> Self {
        Self::Text(symbol.map(|symbol| symbol.text().to_owned()))
    }
}
