//! The bodies of a connection: a request's body must keep a smallest rate, and the end of an answer is noted.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::BoxError;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::line::Line;
use crate::config::ClientsConfig;

#[derive(Debug, thiserror::Error)]
#[error("the body arrived too slowly")]
struct TooSlow;

/// A request's body. Waiting for the client uses up `credit`, and each byte that arrives adds to it. Without credit
/// the body fails. Time in which the service does not ask for bytes costs nothing.
pub(super) struct Paced {
    body: Incoming,
    line: Arc<Line>,
    credit: Duration,
    most: Duration,
    bytes_per_second: u64,
    wait: Option<Wait>,
}

/// The wait for the next bytes, until the credit is used up.
struct Wait {
    since: Instant,
    end: Pin<Box<Sleep>>,
}

impl Paced {
    pub(super) fn new(body: Incoming, line: Arc<Line>, clients: &ClientsConfig) -> Self {
        let most = clients.body_wait.get();
        Self { body, line, credit: most, most, bytes_per_second: clients.body_rate.get().max(1), wait: None }
    }

    fn received(&mut self, bytes: usize) {
        if let Some(wait) = self.wait.take() {
            self.credit = self.credit.saturating_sub(wait.since.elapsed());
            self.line.working();
        }
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let earned = Duration::from_micros(bytes.saturating_mul(1_000_000) / self.bytes_per_second);
        self.credit = self.credit.saturating_add(earned).min(self.most);
    }

    /// Returns ready if the credit is used up.
    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (credit, line) = (self.credit, &self.line);
        let wait = self.wait.get_or_insert_with(|| {
            let since = Instant::now();
            line.receiving(since + credit);
            Wait { since, end: Box::pin(sleep_until(since + credit)) }
        });
        wait.end.as_mut().poll(context)
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                self.received(data.map_or(0, Bytes::len));
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => self.poll_wait(context).map(|()| {
                self.line.set_too_slow();
                Some(Err(TooSlow.into()))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body. When it ends, the connection waits for the next request.
pub(super) struct Answered {
    body: axum::body::Body,
    line: Arc<Line>,
}

impl Answered {
    pub(super) fn new(body: axum::body::Body, line: Arc<Line>) -> Self {
        Self { body, line }
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        self.line.idle();
    }
}

impl Body for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
