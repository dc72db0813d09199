//! A multipart body. The library keeps in memory what comes before the content of a part, so this is bounded here: a
//! preamble, boundaries and the heads of parts. Text parts are bounded too.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream},
    extract::{
        FromRequest, Multipart, Request,
        multipart::{Field, MultipartError},
    },
};
use bytes::Bytes;
use futures::Stream;

use super::{Code, Edge, Problem};
use crate::content::receive::UploadError;

/// Most bytes before the content of a part.
const HEAD: usize = 64 * 1024;
/// Most bytes of a text part.
const TEXT: usize = 256;

/// A multipart body that is being received.
pub(super) struct FormData {
    parts: Multipart,
    meter: Arc<Meter>,
    /// The longest wait for bytes between the contents of parts.
    patience: Duration,
}

/// Counts the bytes since the last content of a part.
#[derive(Debug, Default)]
struct Meter {
    is_between: AtomicBool,
    bytes: AtomicUsize,
    exceeded: AtomicBool,
}

impl FromRequest<Edge> for FormData {
    type Rejection = Problem;

    async fn from_request(request: Request, edge: &Edge) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let meter = Arc::new(Meter::default());
        let metered = Metered { body: body.into_data_stream(), meter: Arc::clone(&meter), paused: false };
        let request = Request::from_parts(head, Body::from_stream(metered));
        let parts = Multipart::from_request(request, edge).await;
        let parts = parts.map_err(|error| Problem::new(Code::NotMultipart, error.body_text()))?;
        Ok(Self { parts, meter, patience: edge.app.config.upload.idle_timeout.get() })
    }
}

impl FormData {
    /// Returns the next part, after its head. `None` at the end of the form.
    pub(super) async fn next_part(&mut self) -> Result<Option<Field<'_>>, UploadError> {
        self.meter.bytes.store(0, Ordering::Relaxed);
        self.meter.is_between.store(true, Ordering::Relaxed);
        let next = in_time(self.patience, self.parts.next_field()).await;
        self.meter.is_between.store(false, Ordering::Relaxed);
        if self.meter.exceeded.load(Ordering::Relaxed) { Err(UploadError::HeadTooLong(HEAD)) } else { next }
    }
}

/// Reads a part that has a word and not a file. `None` if it is too long.
pub(super) async fn word(mut part: Field<'_>, patience: Duration) -> Result<Option<String>, UploadError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = in_time(patience, part.chunk()).await? {
        if bytes.len() + chunk.len() > TEXT {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Applies `upload.idle_timeout` to what is between the files, so it cannot stall the upload either.
async fn in_time<T>(
    patience: Duration,
    next: impl Future<Output = Result<T, MultipartError>>,
) -> Result<T, UploadError> {
    let next = tokio::time::timeout(patience, next).await.map_err(|_| UploadError::Stalled(patience))?;
    next.map_err(|error| UploadError::Cut(error.body_text()))
}

#[derive(Debug, thiserror::Error)]
#[error("too many bytes before the content of a part")]
struct Exceeded;

/// The bytes of the body. The library takes all bytes that are ready before it looks at them, so it gets one piece at a
/// time.
struct Metered {
    body: BodyDataStream,
    meter: Arc<Meter>,
    paused: bool,
}

impl Stream for Metered {
    type Item = Result<Bytes, axum::BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.paused {
            self.paused = false;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let meter = Arc::clone(&self.meter);
        if meter.is_between.load(Ordering::Relaxed) && meter.bytes.load(Ordering::Relaxed) >= HEAD {
            meter.exceeded.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(Exceeded.into())));
        }
        let next = Pin::new(&mut self.body).poll_next(context);
        if let Poll::Ready(Some(Ok(piece))) = &next {
            meter.bytes.fetch_add(piece.len(), Ordering::Relaxed);
            self.paused = true;
        }
        next.map(|next| next.map(|piece| piece.map_err(Into::into)))
    }
}
