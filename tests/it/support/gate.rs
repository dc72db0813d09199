//! The way to PostgreSQL, which a story can shut without an end of its connections: the server's machine has vanished.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Condvar, Mutex},
    thread,
};

use yinku::config::{Config, DatabaseUrl};

/// True while no byte passes. Each test is a process of its own.
static SHUT: Mutex<bool> = Mutex::new(false);
static OPENED: Condvar = Condvar::new();

/// The service reaches PostgreSQL through the gate.
pub(crate) fn through_the_gate(config: &mut Config) {
    let DatabaseUrl::Postgres(url) = &mut config.database.url else { return };
    let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
    let gate = TcpListener::bind("127.0.0.1:0").unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(gate.local_addr().unwrap().port())).unwrap();
    thread::spawn(move || {
        for client in gate.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(&server).unwrap();
            let (to_server, to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || pass(client, to_server));
            thread::spawn(move || pass(server, to_client));
        }
    });
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        let shut = OPENED.wait_while(SHUT.lock().unwrap(), |shut| *shut).unwrap();
        drop(shut);
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    // The other side may have ended first.
    let _ = to.shutdown(Shutdown::Both);
}

pub(crate) fn shut() {
    *SHUT.lock().unwrap() = true;
}

pub(crate) fn open() {
    *SHUT.lock().unwrap() = false;
    OPENED.notify_all();
}
