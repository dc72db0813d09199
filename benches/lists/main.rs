//! How long every list takes with 100,000 flows and what belongs to them, through the HTTP router: the promise is 50 ms
//! for 95 of 100 requests. `scripts/bench lists` runs it on both engines and makes tables of what it prints.

mod fill;
mod measure;
mod requests;

use std::{path::PathBuf, sync::Arc, time::Instant};

use axum::Router;
use clap::Parser;
use serde_json::json;
use yinku::{
    app::App,
    callback::Inbox,
    clock::Clock,
    config::{Config, DatabaseUrl},
    http,
};

use measure::{measured, say};

#[derive(Debug, Parser)]
struct Arguments {
    /// Where the service has its data; the SQLite database, too.
    data: PathBuf,
    /// Instead of SQLite.
    #[arg(long)]
    postgres: Option<url::Url>,
    /// Measures a database that has been filled before.
    #[arg(long)]
    filled: bool,
    /// Only the lists whose name or address has this in it.
    #[arg(long)]
    only: Option<String>,
    /// What cargo gives to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut config = Config::in_dir(&arguments.data);
    config.database.url = arguments.postgres.map_or(DatabaseUrl::in_dir(&arguments.data), DatabaseUrl::Postgres);
    let app = App::open(config, Clock::default()).await?;
    let begun = Instant::now();
    if !arguments.filled {
        fill::fill(&app.db).await?;
    }
    let filled = begun.elapsed().as_secs_f64();
    fill::bind(&app.db, vendor().await?).await?;
    let rows = fill::counted(&app.db).await?;
    let router = http::router(Arc::clone(&app), Inbox::start(Arc::clone(&app)));
    let mut lists = Vec::new();
    for asked in requests::all() {
        let wanted = |text: &String| asked.list.contains(text.as_str()) || asked.path.contains(text.as_str());
        if arguments.only.as_ref().is_none_or(wanted) {
            lists.push(measured(&app, &router, &asked).await?);
        }
    }
    say(&json!({ "filled": filled, "rows": rows, "lists": lists }).to_string());
    Ok(())
}

/// A vendor to whom nobody owes anything; its address.
async fn vendor() -> anyhow::Result<std::net::SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answer = || async { axum::Json(json!({ "code": 0, "message": "SUCCESS", "result": [] })) };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    Ok(address)
}
