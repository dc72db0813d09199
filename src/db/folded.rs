//! Folds texts for searches. The engines fold differently, so texts and queries are folded here.

use std::{collections::HashMap, sync::LazyLock};

use unicode_normalization::UnicodeNormalization;

/// 3,222 characters in 23 KiB of the program.
static SIMPLIFIED: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let lines = include_str!("../../assets/traditional-simplified.txt").lines().filter(|line| !line.starts_with('#'));
    let pair = |line: &str| {
        let mut both = line.chars();
        Some((both.next()?, both.next()?))
    };
    lines.filter_map(pair).collect()
});

/// The first Chinese character that the list can have.
const FIRST: char = '\u{3400}';

/// Folds what people type in different ways: case, full and half width, composed and decomposed letters (NFKC),
/// traditional and simplified characters, blanks of any kind and number. Characters that show nothing vanish, and blanks
/// at the ends.
#[must_use]
pub fn folded(text: &str) -> String {
    let shown = text.chars().filter(|c| !shows_nothing(*c));
    // A lower-case letter may be decomposed.
    let letters: String = shown.nfkc().flat_map(char::to_lowercase).map(simplified).nfkc().collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns true if the text shows nothing: no characters, blanks, or characters that are not seen.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    // Fillers and the empty Braille pattern are letters and symbols without ink.
    let without_ink = |c: char| matches!(c, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}');
    text.chars().all(|c| c.is_whitespace() || c.is_control() || shows_nothing(c) || without_ink(c))
}

fn simplified(c: char) -> char {
    if c < FIRST { c } else { SIMPLIFIED.get(&c).copied().unwrap_or(c) }
}

/// Zero-width characters, marks of direction, variation selectors, soft hyphens.
const fn shows_nothing(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_shows_nothing_is_blank() {
        for blank in ["", " \u{3000}\n", "\u{200b}", "\u{202e}\u{2066}", "\u{3164}\u{2800}", "\u{1}\u{1b}", "\u{feff}"]
        {
            assert!(is_blank(blank), "{blank:?}");
        }
        for text in ["好", ".", "\u{200b}a", "0", "👍", "\u{301}"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn what_people_type_is_one_text() {
        for (typed, text) in [
            ("  合同\u{3000}（ＡＢ２０２６）\t", "合同 (ab2026)"),
            ("Mu\u{308}ller", "müller"),
            ("\u{1100}\u{1168}\u{110b}\u{1163}\u{11a8}\u{1109}\u{1165}", "계약서"),
            ("ｶﾞｽ カ\u{3099}ス", "ガス ガス"),
            ("ÄÖÜ ΣΑΣ", "äöü σασ"),
            ("採購合同（續簽）", "采购合同(续签)"),
            ("合\u{200b}同\u{feff} 葛\u{e0100}", "合同 葛"),
            ("合%同_", "合%同_"),
            (" \u{3000}\n", ""),
        ] {
            assert_eq!(folded(typed), text, "{typed:?}");
            assert_eq!(folded(text), text, "folding again changes nothing");
        }
    }

    #[test]
    fn every_pair_of_the_list_ends_at_a_simplified_character() {
        assert_eq!(SIMPLIFIED.len(), 3_222);
        for (traditional, simple) in &*SIMPLIFIED {
            assert!(*traditional >= FIRST && !SIMPLIFIED.contains_key(simple), "{traditional} {simple}");
            assert_eq!(folded(&traditional.to_string()), simple.to_string());
        }
    }
}
