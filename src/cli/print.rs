//! What the program says to the person who started it.

#[expect(clippy::print_stdout, reason = "what the command was asked for")]
pub(crate) fn answer(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "what went wrong, or must be known, beside the answer")]
pub(crate) fn complaint(text: &str) {
    eprintln!("{text}");
}
