//! How long every list takes with 100,000 flows and what belongs to them, through the HTTP router: the promise is 50 ms
//! for 95 of 100 requests. `scripts/bench lists` runs it on both engines and makes tables of what it prints.

mod fill;
mod requests;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode},
};
use clap::Parser;
use serde_json::{Value, json};
use tower::util::ServiceExt;
use yinku::{
    app::App,
    callback::Inbox,
    clock::Clock,
    config::{Config, DatabaseUrl},
    http,
    user::{
        User,
        token::{self, Scope, TokenTerms},
    },
};

use requests::Asked;

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

const ROUNDS: usize = 40;
/// What is far too slow is not asked for more often than that tells.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Median and 95th percentile in milliseconds, and how many items came.
async fn measured(app: &App, router: &Router, asked: &Asked) -> anyhow::Result<Value> {
    let token = token(app, asked.username).await?;
    let mut times = Vec::new();
    let mut items = 0;
    let since = Instant::now();
    for round in 0..ROUNDS + 2 {
        let peer = ConnectInfo(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
        let request = Request::get(&asked.path)
            .header("host", "bench")
            .header("authorization", format!("Bearer {token}"))
            .extension(peer);
        let begun = Instant::now();
        let response = router.clone().oneshot(request.body(Body::empty())?).await?;
        anyhow::ensure!(response.status() == StatusCode::OK, "{}: {}", asked.path, response.status());
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        if round >= 2 {
            times.push(took);
        }
        let answer: Value = serde_json::from_slice(&bytes)?;
        items = answer["items"].as_array().or(answer.as_array()).map_or(0, Vec::len);
        if since.elapsed() > PATIENCE && !times.is_empty() {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    // By the nearest rank.
    let (median, p95) = (times[times.len() / 2], times[(times.len() * 95).div_ceil(100) - 1]);
    Ok(json!({
        "list": asked.list, "username": asked.username, "path": asked.path,
        "items": items, "median": median, "p95": p95, "times": times,
    }))
}

async fn token(app: &App, username: &str) -> anyhow::Result<String> {
    let user = User::named(&app.db, username).await?.ok_or_else(|| anyhow::anyhow!("no user {username}"))?;
    let mut tx = app.db.begin().await?;
    let terms = TokenTerms { name: "bench", scope: Scope::All, days: 90 };
    let (_, token) = token::make(&mut tx, &user.id, terms, app.clock.now()).await?;
    tx.commit().await?;
    Ok(token)
}

#[expect(clippy::print_stdout, reason = "the result")]
fn say(text: &str) {
    println!("{text}");
}
