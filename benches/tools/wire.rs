//! A lean HTTP/1.1 client: the load must cost little, and its latency is measured from when it should have been sent.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Of the body.
    pub(crate) bytes: usize,
    /// The other side closes the connection after this answer.
    pub(crate) closed: bool,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 512 << 10] })
    }

    /// Sends a request and takes its answer whole; the body is thrown away.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let head = loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            if let Some(end) = self.buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
        let status = text.get(9..12).and_then(|status| status.parse().ok());
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        let chunked = text.lines().any(|line| line.starts_with("transfer-encoding:"));
        let closed = text.lines().any(|line| line.starts_with("connection: close"));
        let Some(status) = status.filter(|_| !chunked) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("not understood: {text}")));
        };
        let Some(bytes) = length else {
            return Ok(Answer { status, bytes: self.until_closed(filled - head).await?, closed: true });
        };
        let mut left: usize = bytes;
        left = left.saturating_sub(filled - head);
        while left > 0 {
            let read = self.stream.read(&mut self.buffer).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left = left.saturating_sub(read);
        }
        Ok(Answer { status, bytes, closed })
    }

    /// Reads until the other side closes. `bytes` have been read already.
    async fn until_closed(&mut self, mut bytes: usize) -> io::Result<usize> {
        loop {
            match self.stream.read(&mut self.buffer).await? {
                0 => return Ok(bytes),
                read => bytes += read,
            }
        }
    }
}
