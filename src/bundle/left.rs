//! What could not be given, of what the user may see: in the answer, and in the zip as `缺失清单.txt`.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::{db::DbError, vocabulary::words};

words! {
    /// Why something could not be given.
    LeftCode {
        /// The bytes of the original are missing or changed.
        OriginalDamaged = "original_damaged",
        /// The vendor still owes photos of this seal.
        PhotosMissing = "photos_missing",
        /// The user sees the documents and may not download them.
        NotDownloadable = "not_downloadable",
    }
}

/// Something that could not be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LeftOut {
    /// The path of the file, or what is missing.
    pub name: String,
    pub code: LeftCode,
}

impl LeftOut {
    #[must_use]
    pub fn new(name: impl Into<String>, code: LeftCode) -> Self {
        Self { name: name.into(), code }
    }
}

/// The name of the list in a zip.
pub const FILE: &str = "缺失清单.txt";

/// Returns the text of the list. `None` if everything could be given.
#[must_use]
pub fn list(left: &[LeftOut]) -> Option<String> {
    let mut text = "缺失清单 / What is missing\n\n".to_owned();
    for LeftOut { name, code } in left {
        let why = match code {
            LeftCode::OriginalDamaged => "原件损坏或丢失 / the original is damaged or lost",
            LeftCode::PhotosMissing => "未取得 / missing",
            LeftCode::NotDownloadable => "无下载权限 / no right to download",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}: {why}");
    }
    (!left.is_empty()).then_some(text)
}

/// Returns the list as its row keeps it.
pub fn json(left: &[LeftOut]) -> Result<String, DbError> {
    serde_json::to_string(left).map_err(|error| DbError::Encode(error.into()))
}

/// Returns the list that a row keeps.
pub fn of_json(text: &str) -> Result<Vec<LeftOut>, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Decode(error.into()))
}
