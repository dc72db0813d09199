//! Writes the log to standard error in a thread of its own. A full disk loses lines, and so does a reader that has
//! stopped. Neither may delay or end a request.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait for the thread. Later lines are lost.
const QUEUE: usize = 8192;
/// The longest wait for the last lines at the end of the process.
const END: Duration = Duration::from_secs(1);

enum Message {
    Line(Vec<u8>),
    /// Reports that all earlier lines are written.
    Flush(SyncSender<()>),
}

static LOG: OnceLock<Log> = OnceLock::new();

/// The queue of the log.
#[derive(Clone)]
pub(super) struct Log {
    queue: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

impl Log {
    /// Returns the log of the process. The first call starts its thread.
    pub(super) fn of_process() -> io::Result<Self> {
        if let Some(log) = LOG.get() {
            return Ok(log.clone());
        }
        let (queue, messages) = sync_channel(QUEUE);
        let log = Self { queue, lost: Arc::default() };
        let lost = Arc::clone(&log.lost);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&messages, &lost))?;
        Ok(LOG.get_or_init(|| log).clone())
    }
}

/// Waits until the lines of the log are written, but not for a reader that has stopped.
pub fn flush() {
    let Some(log) = LOG.get() else { return };
    let (done, written) = sync_channel(1);
    if log.queue.try_send(Message::Flush(done)).is_ok() {
        // After this time the lines are lost.
        let _ = written.recv_timeout(END);
    }
}

/// Returns true if the log may have colours: only a terminal shows them, and `NO_COLOR` forbids them.
pub(super) fn has_color() -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stderr().is_terminal() && !forbidden
}

#[expect(clippy::disallowed_methods, reason = "the home of the log")]
fn stderr() -> io::Stderr {
    io::stderr()
}

fn write_all(messages: &Receiver<Message>, lost: &AtomicU64) {
    for message in messages {
        match message {
            Message::Line(line) => {
                // There is no other place to report a failure.
                let _ = stderr().write_all(&line);
                let count = lost.swap(0, Ordering::Relaxed);
                if count > 0 {
                    let _ = writeln!(stderr(), "{count} lines of the log are lost: standard error was blocked");
                }
            }
            Message::Flush(done) => {
                let _ = done.try_send(());
            }
        }
    }
}

impl Write for Log {
    /// Never fails and never waits.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Message::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
