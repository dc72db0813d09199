//! Accepts connections within bounds and closes those of slow clients.
//!
//! A client can be slow with the head of a request, with its body, or in reading the answer. Each of them has a limit.
//! If all connections are in use, a new client replaces the client that has been slow for the longest time. So slow
//! clients cannot keep others out.

mod file_limit;
mod line;
mod pace;
mod stream;

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, extract::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use self::{
    line::{Lines, Seat},
    pace::{Answered, Paced},
    stream::Unhurried,
};
use super::{Code, Problem};
use crate::config::ClientsConfig;

pub use self::file_limit::raise as raise_file_limit;
pub(super) use self::line::Line;

/// The pause after the system refused a connection, for example because no file can be opened.
const PAUSE: Duration = Duration::from_millis(50);

/// Connections that the system keeps until the service accepts them. Linux lowers it to `net.core.somaxconn`. Above it a
/// client waits for seconds without an answer.
const BACKLOG: u32 = 4096;

/// Listens on an address, also if connections of an earlier process are not over.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` is cancelled, then finishes open requests.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    clients: ClientsConfig,
    stop: CancellationToken,
) -> io::Result<()> {
    let lines = Lines::new(&clients, file_limit::within(clients.connections));
    let open = TaskTracker::new();
    for number in 0.. {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match lines.admit(peer.ip().to_canonical(), number) {
                Some(seat) => {
                    let client = Client { peer, seat, clients };
                    open.spawn(client.serve(stream, router.clone(), stop.clone()));
                    // The new client sends its request first. Otherwise the next clients take its place unread.
                    tokio::task::yield_now().await;
                }
                None => refuse(stream),
            },
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                lines.make_room();
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    open.close();
    open.wait().await;
    Ok(())
}

/// Answers and closes at once, before a request is read. A client that does not read cannot delay this.
fn refuse(stream: TcpStream) {
    let problem = Problem::new(Code::Busy, "Too many connections are open. Retry after 1 s.");
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\nx-content-type-options: nosniff\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    // A socket of the standard library needs no readiness. The client may be gone.
    let _ = stream.into_std().and_then(|mut stream| io::Write::write(&mut stream, answer.as_bytes()));
}

/// One client with its place among the connections.
struct Client {
    peer: SocketAddr,
    seat: Seat,
    clients: ClientsConfig,
}

impl Client {
    async fn serve(self, stream: TcpStream, router: Router, stop: CancellationToken) {
        // A short range is sent after its head. With Nagle's algorithm it waits for the client's delayed ACK (40 ms).
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot disable Nagle's algorithm on a connection");
        }
        let line = &self.seat.line;
        let io = TokioIo::new(Unhurried::new(stream, self.clients.read_timeout.get()));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.clients.head_timeout.get());
        let mut connection = pin!(http.serve_connection(io, service_fn(|request| self.answer(&router, request))));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = line.closed() => return,
            () = stop.cancelled() => {
                if line.is_waiting() {
                    return;
                }
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, peer = %self.peer, "a connection ended");
        }
    }

    async fn answer(&self, router: &Router, request: Request<Incoming>) -> Result<Response<Answered>, Infallible> {
        let line = &self.seat.line;
        line.working();
        let mut request = request.map(|body| Body::new(Paced::new(body, line.clone(), &self.clients)));
        request.extensions_mut().insert(ConnectInfo(self.peer));
        request.extensions_mut().insert(line.clone());
        let response = router.clone().oneshot(request).await?;
        Ok(response.map(|body| Answered::new(body, line.clone())))
    }
}
