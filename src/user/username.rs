//! The rules of a username, for the API and for the command line.

use unicode_normalization::UnicodeNormalization;

/// Longest username in bytes.
const LONGEST: usize = 64;

/// Returns why a new user cannot have this name. `None` if it is well-formed.
#[must_use]
pub(super) fn fault(name: &str) -> Option<&'static str> {
    let well_formed = |c: char| c.is_alphanumeric() || "._-@".contains(c);
    if name.is_empty() || name.len() > LONGEST || !name.chars().all(well_formed) {
        Some("must be 1 to 64 bytes of letters, digits and . _ - @")
    } else if name.starts_with('-') {
        Some("must not begin with -, which programs take for an option; begin with a letter")
    } else if name == "." || name == ".." {
        Some("must not be . or .., which are folders; use letters")
    } else {
        None
    }
}

/// Folds a username: names that people take for one another are equal then (NFKC, and full case folding).
#[must_use]
pub(super) fn folded(name: &str) -> String {
    // Upper case first: it joins ß and ss, and both forms of a final letter.
    name.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_one() {
        for (one, other) in [
            ("admin", "ADMIN"),
            ("admin", "ａｄｍｉｎ"),
            ("admin", "ＡＤＭＩＮ"),
            ("strasse", "straße"),
            ("ΣΑΣ", "σας"),
            ("İ", "i\u{307}"),
            ("１2", "12"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        assert_ne!(folded("li"), folded("li2"));
    }

    #[test]
    fn names_that_are_paths_or_options_are_refused() {
        for name in ["", ".", "..", "-", "-rf", "--role", "a b", "a/b", "a\\b", "a\0b", "a\u{202e}b", "a:b"] {
            assert!(fault(name).is_some(), "{name:?}");
        }
        assert!(fault(&"a".repeat(65)).is_some());
        for name in ["admin", "li.si", "...", "_x", "李四", "li-si@example.com", "7"] {
            assert_eq!(fault(name), None, "{name}");
        }
    }
}
