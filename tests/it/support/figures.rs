//! Figures that tests measure. No test depends on them. `scripts/figures` prints them.

use std::{fs::OpenOptions, io::Write};

/// Adds a line to the file that `YINKU_TEST_FIGURES` names, if it names one.
pub(crate) fn note(what: &str, figure: &str) {
    let Ok(path) = std::env::var("YINKU_TEST_FIGURES") else { return };
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    writeln!(file, "{what}: {figure}").unwrap();
}
