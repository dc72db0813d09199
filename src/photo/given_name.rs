//! File names of photos that come from outside. They are for display and never used as a path.

/// Longest stored name in bytes.
const MAX_BYTES: usize = 240;

/// Returns the last path component, without characters that hide or reverse text. `None` if nothing remains.
#[must_use]
pub fn basename(given: &str) -> Option<String> {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|c| !c.is_control() && !is_direction(*c)).collect();
    let name = cut(shown.trim());
    (!matches!(name, "" | "." | "..")).then(|| name.to_owned())
}

/// Characters that change the writing direction. With them `gpj.exe` can be shown as `exe.jpg`.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_BYTES)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_component_remains() {
        for given in
            ["章.jpg", "/etc/章.jpg", "../../章.jpg", r"C:\照片\章.jpg", r"a/b\章.jpg", " 章.jpg\r\n", "章\0.jpg"]
        {
            assert_eq!(basename(given).as_deref(), Some("章.jpg"), "{given:?}");
        }
    }

    #[test]
    fn a_name_of_nothing_is_no_name() {
        for given in ["", ".", "..", "/", "a/", "\u{7}\u{202e}", " \t"] {
            assert_eq!(basename(given), None, "{given:?}");
        }
    }

    #[test]
    fn a_reversed_extension_is_shown_as_it_is_and_long_names_are_cut_between_characters() {
        assert_eq!(basename("a\u{202e}gpj.exe").as_deref(), Some("agpj.exe"));
        assert_eq!(basename(&"章".repeat(200)).map(|name| name.len()), Some(240));
    }
}
