//! The information in the name of an entry. The name is never used as a path.

use crate::{
    photo::{given_name, kind::PhotoKind},
    provider::charset,
};

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

    /// Returns the kind that the name suggests. The file name has priority over its directories.
    pub(super) fn kind(&self) -> Option<PhotoKind> {
        self.path.rsplit(['/', '\\']).find_map(hint)
    }
}

fn hint(component: &str) -> Option<PhotoKind> {
    const CHINESE: [(&str, PhotoKind); 6] = [
        ("人脸", PhotoKind::Face),
        ("刷脸", PhotoKind::Face),
        ("应急", PhotoKind::Emergency),
        ("紧急", PhotoKind::Emergency),
        ("签署", PhotoKind::Signatory),
        ("盖章", PhotoKind::Signatory),
    ];
    const ENGLISH: [(&str, PhotoKind); 3] =
        [("FACE", PhotoKind::Face), ("SIGNATORY", PhotoKind::Signatory), ("EMERGENCY", PhotoKind::Emergency)];
    let upper = component.to_ascii_uppercase();
    let mut words = upper.split(|c: char| !c.is_ascii_alphabetic());
    let english = words.find_map(|word| ENGLISH.iter().find(|(start, _)| word.starts_with(start)));
    english.or_else(|| CHINESE.iter().find(|(word, _)| component.contains(word))).map(|(_, kind)| *kind)
}
