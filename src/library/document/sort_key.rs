//! The keys by which lists are sorted. They are made here, stored, and compared as bytes on both engines.

use std::fmt::Write as _;

use crate::db::folded;

/// Returns the key of a name. Numbers sort by their value: 2 before 10.
#[must_use]
pub fn of_name(name: &str) -> String {
    let folded = folded(name);
    let mut key = String::with_capacity(folded.len() + 8);
    let mut rest = folded.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        key.push_str(&rest[..at]);
        let end = rest[at..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |end| at + end);
        // The length comes first: of two numbers, the longer one is larger.
        let number = rest[at..end].trim_start_matches('0');
        // Writing to a string cannot fail.
        let _ = write!(key, "{:03}{number}", number.len());
        rest = &rest[end..];
    }
    key + rest
}

#[cfg(test)]
mod tests {
    use super::of_name;

    #[test]
    fn names_sort_as_people_count() {
        let mut names =
            ["文件10.jpg", "文件2.jpg", "文件1.jpg", "a100b2", "a100b10", "A99", "文件", "文件002a", "ｆ３", "f20"];
        names.sort_by_cached_key(|name| of_name(name));
        let expected =
            ["A99", "a100b2", "a100b10", "ｆ３", "f20", "文件", "文件1.jpg", "文件2.jpg", "文件002a", "文件10.jpg"];
        assert_eq!(names, expected);
    }
}
