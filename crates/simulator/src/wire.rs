//! Connections that can be cut: each one by itself, or all at once as if the vendor had died.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Whether the vendor is there.
#[derive(Debug)]
pub(super) struct Switch {
    down: AtomicBool,
    /// Cancelled when the vendor goes down; a new one when it comes back.
    epoch: Mutex<CancellationToken>,
    stop: CancellationToken,
}

impl Switch {
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self { down: AtomicBool::new(false), epoch: Mutex::default(), stop }
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::SeqCst)
    }

    pub(super) fn set_down(&self, down: bool) {
        let mut epoch = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        if down {
            self.down.store(true, Ordering::SeqCst);
            epoch.cancel();
        } else {
            if epoch.is_cancelled() {
                *epoch = CancellationToken::new();
            }
            self.down.store(false, Ordering::SeqCst);
        }
    }

    fn epoch(&self) -> Pin<Box<WaitForCancellationFutureOwned>> {
        let epoch = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(epoch.clone().cancelled_owned())
    }
}

/// What a request knows of its connection.
#[derive(Clone, Debug)]
pub(super) struct WireHandle {
    cut: CancellationToken,
    vendor: Arc<AtomicBool>,
}

impl WireHandle {
    /// Ends the connection without another byte.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    /// Marks a connection that carries the vendor's requests: it falls when the vendor goes down. The control API's stays.
    pub(super) fn carries_vendor(&self) {
        self.vendor.store(true, Ordering::SeqCst);
    }
}

impl Connected<IncomingStream<'_, Line>> for WireHandle {
    fn connect_info(stream: IncomingStream<'_, Line>) -> Self {
        stream.io().handle.clone()
    }
}

/// The listening socket.
pub(super) struct Line {
    pub(super) listener: TcpListener,
    pub(super) switch: Arc<Switch>,
}

impl Listener for Line {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, from)) => return (Wire::new(stream, self.switch.clone()), from),
                Err(error) => {
                    tracing::warn!(%error, "the simulator could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection.
pub(super) struct Wire {
    stream: TcpStream,
    handle: WireHandle,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    down: Pin<Box<WaitForCancellationFutureOwned>>,
    switch: Arc<Switch>,
}

impl Wire {
    fn new(stream: TcpStream, switch: Arc<Switch>) -> Self {
        let handle = WireHandle { cut: switch.stop.child_token(), vendor: Arc::default() };
        let cut = Box::pin(handle.cut.clone().cancelled_owned());
        // Small answers must not wait for the peer's acknowledgement.
        let _ = stream.set_nodelay(true);
        Self { stream, handle, cut, down: switch.epoch(), switch }
    }

    fn severed(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let severed = || Err(io::Error::from(io::ErrorKind::ConnectionReset));
        if self.cut.as_mut().poll(cx).is_ready() {
            return severed();
        }
        if self.down.as_mut().poll(cx).is_ready() {
            if self.switch.is_down() {
                return if self.handle.vendor.load(Ordering::SeqCst) { severed() } else { Ok(()) };
            }
            self.down = self.switch.epoch();
            if self.down.as_mut().poll(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
        Ok(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.severed(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.severed(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
