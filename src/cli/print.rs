//! Prints to standard output and standard error.

#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(crate) fn to_stdout(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "errors and notes beside the result")]
pub(crate) fn to_stderr(text: &str) {
    eprintln!("{text}");
}

/// The error and its causes as one line. A cause whose text the line has already is omitted.
pub(crate) fn causes(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open: {0}. Check it.")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_cause_is_printed_once() {
        let cause = || Outer(std::io::Error::other("refused"));
        assert_eq!(causes(&anyhow::Error::new(cause())), "cannot open: refused. Check it.");
        let within: Result<(), _> = Err(cause()).context("not started");
        assert_eq!(causes(&within.unwrap_err()), "not started: cannot open: refused. Check it.");
    }
}
