//! The 30,000 most common passwords. The list is that of zxcvbn 4.4.2 (Dan Wheeler and Dropbox, MIT licence), in lower
//! case, sorted, one a line, compressed with gzip.

use std::{collections::HashSet, io::Read, sync::LazyLock};

static LIST: LazyLock<HashSet<Box<str>>> = LazyLock::new(|| {
    let mut text = String::new();
    flate2::read::GzDecoder::new(&include_bytes!("../../assets/common-passwords.txt.gz")[..])
        .read_to_string(&mut text)
        .expect("the list is a part of the program");
    text.lines().map(Box::from).collect()
});

/// Returns true if the list has `password`, which is in lower case.
pub(super) fn contains(password: &str) -> bool {
    LIST.contains(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_thirty_thousand_passwords() {
        assert_eq!(LIST.len(), 30_000);
        assert!(contains("password") && contains("woaini") && !contains("a password of some length"));
    }
}
