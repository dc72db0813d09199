//! Names in a zip: valid on every file system, and no two that some file system takes for one.

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;

use crate::library::document::name::numbered;

/// Longest part of a path in bytes, on Linux.
const MOST_BYTES: usize = 255;
/// Longest path in UTF-16 units. Windows Explorer fails beyond 260 with the target folder.
const MOST_UNITS: usize = 180;

/// Gives out the names of one zip.
#[derive(Debug, Default)]
pub struct Names {
    /// Folded paths of the files.
    files: HashSet<String>,
    /// The path of each folder by the folded path that was wanted.
    folders: HashMap<String, String>,
    /// Folded paths of the folders.
    folder_paths: HashSet<String>,
    /// The next number to try for a path, so that many equal names cost no search.
    next: HashMap<String, usize>,
}

impl Names {
    /// Returns the path of a file, made from the wanted one. Of equal paths, the later ones get ` (2)`, ` (3)` … before
    /// the extension of their last part.
    pub fn place(&mut self, wanted: &str) -> String {
        let (folder, last) = wanted.rsplit_once('/').unwrap_or(("", wanted));
        let folder = self.folder(folder);
        let room = MOST_UNITS.saturating_sub(units(&folder) + 1).max(40);
        let last = shortened(&clean(last), MOST_BYTES, room);
        let first = join(&folder, &last);
        let mut n = self.next.get(&folded(&first)).copied().unwrap_or(1);
        loop {
            let path = join(&folder, &number(&last, n, room));
            n += 1;
            let key = folded(&path);
            if !self.folder_paths.contains(&key) && self.files.insert(key) {
                self.next.insert(folded(&first), n);
                return path;
            }
        }
    }

    /// Returns the path of a folder. The same wanted folder has the same path each time.
    fn folder(&mut self, wanted: &str) -> String {
        let mut path = String::new();
        let mut asked = String::new();
        for part in wanted.split('/').filter(|part| !part.is_empty()) {
            asked = join(&asked, &folded(&clean(part)));
            if let Some(known) = self.folders.get(&asked) {
                path.clone_from(known);
                continue;
            }
            let part = shortened(&clean(part), MOST_BYTES, 60);
            let mut n = 1;
            // A file of this name is there already.
            while self.files.contains(&folded(&join(&path, &number(&part, n, 60)))) {
                n += 1;
            }
            path = join(&path, &number(&part, n, 60));
            self.folder_paths.insert(folded(&path));
            self.folders.insert(asked.clone(), path.clone());
        }
        path
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Returns the form in which paths are compared: composed letters, lower case.
fn folded(path: &str) -> String {
    path.nfc().collect::<String>().to_lowercase()
}

fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Returns `name` with a number, not longer than the limits.
fn number(name: &str, n: usize, room: usize) -> String {
    if n == 1 {
        return name.to_owned();
    }
    let more = n.to_string().len() + 3;
    numbered(&shortened(name, MOST_BYTES - more, room.saturating_sub(more)), n)
}

/// Cuts the stem of a name so that the name fits. Its extension stays.
fn shortened(name: &str, bytes: usize, room: usize) -> String {
    if name.len() <= bytes && units(name) <= room {
        return name.to_owned();
    }
    let (stem, suffix) = match name.rsplit_once('.') {
        Some((stem, ext)) if !stem.is_empty() && ext.len() <= 20 => (stem, format!(".{ext}")),
        _ => (name, String::new()),
    };
    let mut kept = String::new();
    for letter in stem.chars() {
        if kept.len() + letter.len_utf8() + suffix.len() > bytes
            || units(&kept) + letter.len_utf16() + units(&suffix) > room
        {
            break;
        }
        kept.push(letter);
    }
    format!("{}{suffix}", kept.trim_end_matches([' ', '.']))
}

/// Returns one part of a path without what a file system or a reader of zips refuses or hides.
fn clean(part: &str) -> String {
    let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}' | '\u{feff}');
    let refused = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    let letters = part.nfc().filter(|c| !hidden(*c)).map(|c| if refused(c) { '-' } else { c });
    let name: String = letters.collect();
    let name = name.trim().trim_end_matches([' ', '.']);
    if name.is_empty() {
        return "_".to_owned();
    }
    if is_device(name) { format!("_{name}") } else { name.to_owned() }
}

/// Returns true for names that Windows keeps for devices, with any extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    let numbered = |kind: &str| {
        stem.strip_prefix(kind).is_some_and(|rest| {
            let mut letters = rest.chars();
            matches!((letters.next(), letters.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(wanted: &[&str]) -> Vec<String> {
        let mut names = Names::default();
        wanted.iter().map(|name| names.place(name)).collect()
    }

    #[test]
    fn only_the_last_part_is_numbered() {
        assert_eq!(placed(&["用印.2026/合同", "用印.2026/合同"]), ["用印.2026/合同", "用印.2026/合同 (2)"]);
        assert_eq!(placed(&["a.jpg", "A.jpg", "a (2).jpg"]), ["a.jpg", "A (2).jpg", "a (2) (2).jpg"]);
    }

    #[test]
    fn composed_and_decomposed_letters_are_one_name() {
        assert_eq!(placed(&["é.pdf", "e\u{301}.pdf"]), ["é.pdf", "é (2).pdf"]);
    }

    #[test]
    fn a_file_and_a_folder_of_one_name_do_not_clash() {
        assert_eq!(placed(&["a", "a/b", "A/c"]), ["a", "a (2)/b", "a (2)/c"]);
        assert_eq!(placed(&["a/b", "a"]), ["a/b", "a (2)"]);
    }

    #[test]
    fn no_path_leaves_its_folder_or_names_a_device() {
        assert_eq!(
            placed(&[
                "../x",
                "a/./b",
                "/etc/x",
                "CON",
                "con.txt",
                "com1",
                "COM10",
                "a. ",
                "a\u{202e}gpj.exe",
                "...",
                "x:y"
            ]),
            ["_/x", "a/_/b", "etc/x", "_CON", "_con.txt", "_com1", "COM10", "a (2)", "agpj.exe", "_ (2)", "x-y"]
        );
    }

    #[test]
    fn a_name_of_255_bytes_stays_and_its_second_one_fits() {
        let long = format!("{}.pd", "合".repeat(84));
        assert_eq!(long.len(), 255);
        let found = placed(&[&long, &long]);
        assert_eq!(found[0], long);
        assert!(found[1].len() <= 255 && found[1].ends_with(" (2).pd"), "{}", found[1]);
    }

    #[test]
    fn what_was_placed_is_placed_the_same_again() {
        let first = placed(&["../CON", "a", "a/b", "e\u{301}", "é", "x. /y "]);
        let again = placed(&first.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(again, first);
    }
}
