//! Prints to standard output and standard error.

#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(crate) fn to_stdout(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "errors and notes beside the result")]
pub(crate) fn to_stderr(text: &str) {
    eprintln!("{text}");
}
