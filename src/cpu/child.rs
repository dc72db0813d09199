//! Runs compute work in a process of its own. A thread can be held to no limit. A process can: it limits its own memory
//! and processor time at its start, and this side kills it after a time.

use std::{
    ffi::OsStr,
    io,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::Command,
};

/// The most bytes of a reason.
const MAX_REASON: u64 = 1 << 10;

/// Why a process gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// The operating system did not start the process. This can pass.
    #[error("cannot start {program}: {error}")]
    Start { program: String, error: io::Error },
    /// The process ended with a reason.
    #[error("{0}")]
    Refused(String),
    #[error("it ended with {0}, which a hostile file or too little memory can cause")]
    Died(ExitStatus),
    #[error("it took too long")]
    TooSlow,
}

/// Runs `program` with `args` and gives it `input`. Returns what it writes, at most `most` bytes.
///
/// The process sees nothing of this one's environment, so none of its secrets. If the caller stops waiting, the process
/// is killed.
pub async fn run(
    program: &Path,
    args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    input: Bytes,
    most: u64,
    patience: Duration,
) -> Result<Vec<u8>, ChildError> {
    let start = |error| ChildError::Start { program: program.display().to_string(), error };
    let mut command = Command::new(program);
    command.args(args).env_clear().current_dir("/").kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(start)?;
    let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin.take() {
            // A process that refuses its input ends before it has read all.
            let _ = stdin.write_all(&input).await;
        }
    };
    let whole = async {
        let (output, reason, ()) = tokio::join!(read(stdout, most + 1), read(stderr, MAX_REASON), write);
        (output, reason, child.wait().await)
    };
    let (output, reason, status) = tokio::time::timeout(patience, whole).await.map_err(|_| ChildError::TooSlow)?;
    let status = status.map_err(start)?;
    match status.code() {
        Some(0) if output.len() as u64 <= most => Ok(output),
        Some(0) => Err(ChildError::Refused("it wrote more than it may".to_owned())),
        _ if matches!(status.signal(), Some(SIGXCPU | SIGKILL)) => Err(ChildError::TooSlow),
        _ if reason.is_empty() || status.code().is_none() => Err(ChildError::Died(status)),
        _ => Err(ChildError::Refused(String::from_utf8_lossy(&reason).trim().to_owned())),
    }
}

/// A process that has used its time gets these signals, the same numbers on all supported systems.
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;

/// Reads the first `most` bytes and throws the rest away, so that the process does not wait for a reader.
async fn read(from: Option<impl AsyncRead + Unpin>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        // An error is the end of the process. Its status says more.
        let _ = (&mut from).take(most).read_to_end(&mut bytes).await;
        let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    }
    bytes
}
