//! What `make bench` needs beside the service: a vendor in a process of its own, clients that make load, our thumbnails
//! from memory, and their quality. `benches/suite` runs these and writes the report.

mod callbacks;
mod corpus;
mod quality;
mod reading;
mod thumbnails;
mod vendor;
mod wire;

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;
use serde_json::Value;

#[derive(Debug, Parser)]
enum Tool {
    /// A vendor that serves pictures from memory; prints its address.
    Vendor { corpus: Option<PathBuf> },
    /// Thumbnails of the corpus from memory, on so many threads.
    Thumbnails {
        corpus: PathBuf,
        #[arg(long, value_delimiter = ',')]
        sizes: Vec<u32>,
        #[arg(long)]
        threads: usize,
        #[arg(long)]
        repeat: usize,
    },
    /// What our thumbnails lose against a full decode.
    Quality { corpus: PathBuf },
    /// Callbacks at a steady rate, whether they are answered or not.
    Callbacks {
        address: SocketAddr,
        #[arg(long, value_delimiter = ',')]
        businesses: Vec<String>,
        #[arg(long)]
        rate: u32,
        #[arg(long)]
        seconds: u32,
    },
    /// So many callbacks at once.
    Burst {
        address: SocketAddr,
        #[arg(long, value_delimiter = ',')]
        businesses: Vec<String>,
        #[arg(long)]
        count: usize,
        #[arg(long)]
        connections: usize,
    },
    /// Fetches the paths in a file again and again.
    Reading {
        address: SocketAddr,
        paths: PathBuf,
        #[arg(long)]
        connections: usize,
        #[arg(long)]
        seconds: f64,
        #[arg(long)]
        bearer: Option<String>,
        /// Asks in HTTP/1.0, for services that do not know the length of their answer: its end closes the connection.
        #[arg(long)]
        until_close: bool,
    },
}

fn main() -> anyhow::Result<()> {
    // `cargo bench` gives --bench to every benchmark.
    let tool = Tool::parse_from(std::env::args().filter(|argument| argument != "--bench"));
    let result = match tool {
        Tool::Vendor { corpus } => return on_threads(2, vendor::serve(corpus)),
        Tool::Thumbnails { corpus, sizes, threads, repeat } => thumbnails::measure(&corpus, &sizes, threads, repeat)?,
        Tool::Quality { corpus } => quality::measure(&corpus)?,
        Tool::Callbacks { address, businesses, rate, seconds } => {
            on_threads(1, callbacks::steady(address, businesses, rate, seconds))?
        }
        Tool::Burst { address, businesses, count, connections } => {
            on_threads(1, callbacks::burst(address, businesses, count, connections))?
        }
        Tool::Reading { address, paths, connections, seconds, bearer, until_close } => {
            let form = reading::Form { bearer, until_close };
            on_threads(1, reading::measure(address, &paths, connections, seconds, form))?
        }
    };
    say(&result);
    Ok(())
}

fn on_threads<T>(threads: usize, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?.block_on(work)
}

#[expect(clippy::print_stdout, reason = "the result")]
fn say(result: &Value) {
    println!("{result}");
}
