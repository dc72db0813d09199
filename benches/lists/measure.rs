//! How long a request takes through the HTTP router.

use std::time::{Duration, Instant};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};
use tower::util::ServiceExt;
use yinku::{
    app::App,
    user::{
        User,
        token::{self, Scope, TokenTerms},
    },
};

/// Who asks for what.
pub(crate) struct Asked {
    pub(crate) list: &'static str,
    pub(crate) username: &'static str,
    pub(crate) path: String,
    /// The page after the one at `path` is measured.
    pub(crate) next: bool,
}

const ROUNDS: usize = 40;
/// What is far too slow is not asked for more often than that tells.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Median and 95th percentile in milliseconds, and how many items came.
pub(crate) async fn measured(app: &App, router: &Router, asked: &Asked) -> anyhow::Result<Value> {
    let token = token(app, asked.username).await?;
    let mut path = asked.path.clone();
    if asked.next {
        let (_, first) = answered(router, &token, &path).await?;
        if let Some(next) = first["next"].as_str() {
            path = format!("{path}&after={next}");
        }
    }
    let mut times = Vec::new();
    let mut items = 0;
    let since = Instant::now();
    for round in 0..ROUNDS + 2 {
        let (took, answer) = answered(router, &token, &path).await?;
        if round >= 2 {
            times.push(took);
        }
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

/// How many milliseconds one request takes, and its answer.
async fn answered(router: &Router, token: &str, path: &str) -> anyhow::Result<(f64, Value)> {
    let peer = ConnectInfo(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
    let request =
        Request::get(path).header("host", "bench").header("authorization", format!("Bearer {token}")).extension(peer);
    let begun = Instant::now();
    let response = router.clone().oneshot(request.body(Body::empty())?).await?;
    anyhow::ensure!(response.status() == StatusCode::OK, "{path}: {}", response.status());
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
    let took = begun.elapsed().as_secs_f64() * 1000.0;
    Ok((took, serde_json::from_slice(&bytes)?))
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
pub(crate) fn say(text: &str) {
    println!("{text}");
}
