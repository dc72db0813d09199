//! The information in the name of an entry. The name is never used as a path.

use crate::{photo::given_name, provider::charset};

pub(super) struct Names {
    /// As written, decoded from the detected charset: the charset flag of a zip cannot be trusted.
    pub(super) path: String,
    /// The last component, for display.
    pub(super) shown: String,
}

impl Names {
    pub(super) fn read(raw: &[u8]) -> Self {
        let path = charset::decode(raw, None);
        let shown = given_name::basename(&path).unwrap_or_else(|| "?".to_owned());
        Self { path, shown }
    }

    pub(super) fn is_directory(&self) -> bool {
        self.path.ends_with(['/', '\\'])
    }
}
