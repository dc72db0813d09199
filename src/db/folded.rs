//! Folds texts for searches. The two engines fold differently, so it is done here.

use unicode_normalization::UnicodeNormalization;

/// Folds what people type in different ways: case, full and half width, composed and decomposed letters (NFKC), blanks
/// of any kind and number. Blanks at the ends vanish.
#[must_use]
pub fn folded(text: &str) -> String {
    // A lower-case letter may be decomposed.
    let letters: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_one_text() {
        for (typed, text) in [
            ("  合同\u{3000}（ＡＢ２０２６）\t", "合同 (ab2026)"),
            ("Mu\u{308}ller", "müller"),
            ("\u{1100}\u{1168}\u{110b}\u{1163}\u{11a8}\u{1109}\u{1165}", "계약서"),
            ("ｶﾞｽ カ\u{3099}ス", "ガス ガス"),
            ("ÄÖÜ ΣΑΣ", "äöü σασ"),
            ("合%同_", "合%同_"),
            (" \u{3000}\n", ""),
        ] {
            assert_eq!(folded(typed), text, "{typed:?}");
            assert_eq!(folded(text), text, "folding again changes nothing");
        }
    }
}
