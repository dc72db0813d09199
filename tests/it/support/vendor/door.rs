//! A door before the vendor. While it is shut a connection is refused: what knocks surely never arrived.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};
use yinku::db::sql;

use crate::support::world::World;

pub(crate) struct Door {
    address: SocketAddr,
    vendor: SocketAddr,
    /// Bound and never listening: nobody else gets the port while the door is shut.
    _keeps_the_port: TcpSocket,
}

impl Door {
    /// Shut; the world's services are asked through it from now on.
    pub(crate) async fn before_the_vendor_of(world: &World) -> Self {
        let socket = bound(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = socket.local_addr().unwrap();
        let vendor = world.sim.url().strip_prefix("http://").unwrap().parse().unwrap();
        let mut tx = world.app.db.begin().await.unwrap();
        let moved = sql("UPDATE services SET base_url = $1").bind(format!("http://{address}"));
        assert_eq!(moved.execute(&mut tx).await.unwrap(), 1);
        tx.commit().await.unwrap();
        Self { address, vendor, _keeps_the_port: socket }
    }

    /// Lets so many requests in, and is shut again then.
    pub(crate) fn open_for(&self, guests: usize) {
        let listener = bound(self.address).listen(64).unwrap();
        tokio::spawn(let_in(listener, self.vendor, guests));
    }
}

fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

async fn let_in(listener: TcpListener, vendor: SocketAddr, guests: usize) {
    for _ in 0..guests {
        let Ok((guest, _)) = listener.accept().await else { return };
        tokio::spawn(lead(guest, vendor));
    }
}

/// One request: the answer says that the connection ends with it.
async fn lead(guest: TcpStream, vendor: SocketAddr) -> std::io::Result<()> {
    let (mut from_guest, mut to_guest) = guest.into_split();
    let (mut from_vendor, mut to_vendor) = TcpStream::connect(vendor).await?.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_guest, &mut to_vendor).await });
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n") {
        head.push(from_vendor.read_u8().await?);
    }
    head.extend_from_slice(b"connection: close\r\n");
    to_guest.write_all(&head).await?;
    tokio::io::copy(&mut from_vendor, &mut to_guest).await.map(drop)
}
