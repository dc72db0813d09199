//! The orders of lists.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sqlx::FromRow;

use crate::{db::Arg, id::DocumentId, vocabulary::words};

words! {
    /// By what a list is sorted.
    SortKey {
        /// Numbers in names sort by their value: 2 before 10.
        Name = "name",
        /// The time of taking, or of reception if there is none or it is in doubt.
        TakenAt = "takenAt",
        ReceivedAt = "receivedAt",
        Bytes = "bytes",
    }
}

impl SortKey {
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Name => "d.name_key",
            Self::TakenAt => "d.taken_key",
            Self::ReceivedAt => "d.received_at",
            Self::Bytes => "d.bytes",
        }
    }

    /// Returns the columns of a [`Mark`].
    pub(super) fn selected(self) -> String {
        match self {
            Self::Name => "d.name_key AS text, CAST(0 AS BIGINT) AS number".to_owned(),
            _ => format!("'' AS text, {} AS number", self.column()),
        }
    }

    /// Returns true for an order by time.
    #[must_use]
    pub const fn is_time(self) -> bool {
        matches!(self, Self::TakenAt | Self::ReceivedAt)
    }
}

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub key: SortKey,
    pub descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { key: SortKey::ReceivedAt, descending: true }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("must be name, takenAt, receivedAt or bytes, with `-` before it for the other way")]
pub struct NoSort;

impl FromStr for Sort {
    type Err = NoSort;

    fn from_str(text: &str) -> Result<Self, NoSort> {
        let (descending, word) = text.strip_prefix('-').map_or((false, text), |word| (true, word));
        Ok(Self { key: word.parse().map_err(|_| NoSort)?, descending })
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, self.key)
    }
}

impl Serialize for Sort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The place of a document in a list: its key and its id.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Mark {
    pub(super) id: DocumentId,
    text: String,
    number: i64,
}

impl Mark {
    pub(in crate::library) const fn number(&self) -> i64 {
        self.number
    }

    pub(in crate::library) const fn id(&self) -> &DocumentId {
        &self.id
    }

    pub(super) fn key(&self, key: SortKey) -> Arg {
        match key {
            SortKey::Name => Arg::from(self.text.as_str()),
            _ => Arg::from(self.number),
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text.is_empty() {
            write!(f, "{}.{}", self.number, self.id)
        } else {
            write!(f, "~{}.{}", URL_SAFE_NO_PAD.encode(&self.text), self.id)
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the cursor is not valid; take `next` of the page before")]
pub struct NoMark;

impl FromStr for Mark {
    type Err = NoMark;

    fn from_str(text: &str) -> Result<Self, NoMark> {
        let (key, id) = text.split_once('.').ok_or(NoMark)?;
        let id = id.parse().map_err(|_| NoMark)?;
        match key.strip_prefix('~') {
            Some(text) => {
                let text = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                Ok(Self { id, text: text.ok_or(NoMark)?, number: 0 })
            }
            None => Ok(Self { id, text: String::new(), number: key.parse().map_err(|_| NoMark)? }),
        }
    }
}
