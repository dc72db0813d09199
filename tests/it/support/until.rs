//! The one way to wait. A story never sleeps: it names a fact and waits for it, and fails with that name.

use std::time::Duration;

use yinku::{app::App, db::sql};

/// How long a story waits for a fact. It is much longer than any fact takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// Waits until the fact is true. A story that waits in vain fails with its name and the world's rows.
pub(crate) async fn until(app: &App, what: &str, mut fact: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !fact().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let happened = tokio::time::timeout(PATIENCE, wait).await.is_ok();
    let rows = if happened { String::new() } else { rows(app).await };
    assert!(happened, "never happened: {what}\n{rows}");
}

/// The future's result, with the same patience and the same message.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(PATIENCE, future).await;
    result.unwrap_or_else(|_| panic!("never happened: {what}"))
}

/// What a failed story shows of its world.
async fn rows(app: &App) -> String {
    let db = &app.db;
    let jobs: Vec<(String, String, i64, Option<String>)> =
        sql("SELECT kind, state, run_at, error FROM jobs ORDER BY id").all(db).await.unwrap();
    let photos: Vec<(String, String, Option<String>)> =
        sql("SELECT state, source, error_detail FROM photos ORDER BY id").all(db).await.unwrap();
    let ingests: Vec<(String, Option<String>)> = sql("SELECT state, error FROM ingests").all(db).await.unwrap();
    let uses: Vec<(String, Option<String>)> = sql("SELECT status, error FROM seal_uses").all(db).await.unwrap();
    let callbacks: Vec<(String, String, Option<String>)> =
        sql("SELECT shape, state, error FROM callbacks ORDER BY id").all(db).await.unwrap();
    format!(
        "now {}\njobs {jobs:#?}\nphotos {photos:?}\ningests {ingests:?}\nseal uses {uses:?}\ncallbacks {callbacks:?}",
        app.clock.now().0
    )
}
