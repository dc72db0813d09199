//! The one home of standard output and standard error. Nothing here panics: a pipe can be closed and a disk can be full.

use std::io::{self, IsTerminal, Write};

use anyhow::Context;

/// Prints the result of a command. A result that is lost is a failure of the command.
pub(crate) fn to_stdout(text: &str) -> anyhow::Result<()> {
    write_line(text).context("cannot write the result to standard output")
}

fn write_line(text: &str) -> io::Result<()> {
    bytes_to_stdout(format!("{text}\n").as_bytes())
}

/// Writes bytes to standard output.
pub(crate) fn bytes_to_stdout(bytes: &[u8]) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the one home of standard output")]
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Prints the progress of the demo. The demo continues if its reader is gone.
pub(crate) fn progress(text: &str) {
    // There is no other place to report this.
    let _ = write_line(text);
}

/// Prints an error or a note beside the result.
pub(crate) fn to_stderr(text: &str) {
    #[expect(clippy::disallowed_methods, reason = "the one home of standard error")]
    let mut out = io::stderr().lock();
    // There is no other place to report this.
    let _ = writeln!(out, "{text}");
}

/// Returns true if a terminal shows standard error.
pub(crate) fn stderr_is_terminal() -> bool {
    #[expect(clippy::disallowed_methods, reason = "the one home of standard error")]
    io::stderr().is_terminal()
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
