//! How long searches and lists of the knowledge base take with a million documents, through the HTTP router. The bench
//! `library` runs it on both engines and makes a table of what it prints.

mod fill;
#[path = "../lists/measure.rs"]
mod measure;
mod requests;

use std::{path::PathBuf, sync::Arc, time::Instant};

use clap::Parser;
use serde_json::json;
use yinku::{
    app::App,
    callback::Inbox,
    clock::Clock,
    config::{Config, DatabaseUrl},
    http,
};

use fill::Size;
use measure::{measured, say};

#[derive(Debug, Parser)]
struct Arguments {
    /// Where the service has its data; the SQLite database, too.
    data: PathBuf,
    /// Instead of SQLite.
    #[arg(long)]
    postgres: Option<url::Url>,
    /// How many documents.
    #[arg(long, default_value_t = 1_000_000)]
    documents: i64,
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
    let size = Size { documents: arguments.documents };
    let (mut filled, mut indexed, mut bytes) = (0.0, 0.0, 0);
    if !arguments.filled {
        let begun = Instant::now();
        fill::fill(&app.db, size).await?;
        filled = begun.elapsed().as_secs_f64();
        bytes = fill::index(&app.db).await?;
        indexed = begun.elapsed().as_secs_f64() - filled;
    }
    let rows = fill::counted(&app.db).await?;
    let router = http::router(Arc::clone(&app), Inbox::start(Arc::clone(&app)));
    let mut lists = Vec::new();
    for asked in requests::all(size) {
        let wanted = |text: &String| asked.list.contains(text.as_str()) || asked.path.contains(text.as_str());
        if arguments.only.as_ref().is_none_or(wanted) {
            lists.push(measured(&app, &router, &asked).await?);
        }
    }
    say(&json!({ "filled": filled, "indexed": indexed, "index_bytes": bytes, "rows": rows, "lists": lists })
        .to_string());
    Ok(())
}
