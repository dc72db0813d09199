//! Hints for those who listen at another process of the same service: said through the database, where it can.
//!
//! A hint is said after what it is about was committed, and not at once: what happens within a moment is said together,
//! of each thing only the last. Whoever misses some reads again at the next.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, Hint},
    db::{DbError, Listener},
};

const CHANNEL: &str = "yinku_hints";
/// What happens within it is said together.
const MOMENT: Duration = Duration::from_millis(200);
/// Between tries to listen.
const AGAIN: Duration = Duration::from_secs(5);
/// PostgreSQL takes less than 8,000 bytes at once; a hint has some 200.
const AT_ONCE: usize = 20;

#[derive(Serialize, Deserialize)]
struct Words {
    /// The process that says it: it has told its own listeners.
    from: String,
    hints: Vec<Hint>,
}

/// Says this process's hints and hears those of others, until `stop`. With SQLite it does nothing.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let name = uuid::Uuid::now_v7().to_string();
    let work = async {
        loop {
            match app.db.listen(CHANNEL).await {
                Ok(None) => return,
                Ok(Some(listener)) => {
                    let own = app.hints_for_others.subscribe();
                    let (says, hears) = (say(&app, &name, own), hear(&app, &name, listener));
                    let ended = tokio::select! { ended = says => ended, ended = hears => ended };
                    tracing::warn!(error = ?ended.err(), "hints stay within this process for a moment");
                }
                Err(error) => tracing::warn!(%error, "hints stay within this process for a moment"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    stop.run_until_cancelled(work).await;
}

async fn say(app: &App, name: &str, mut own: Receiver<Hint>) -> Result<(), DbError> {
    loop {
        let mut latest = HashMap::new();
        let mut next = own.recv().await;
        tokio::time::sleep(MOMENT).await;
        loop {
            match next {
                Ok(hint) => drop(latest.insert((hint.about, hint.id.clone()), hint)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok(()),
            }
            next = match own.try_recv() {
                Ok(hint) => Ok(hint),
                Err(_) => break,
            };
        }
        let hints: Vec<Hint> = latest.into_values().collect();
        for hints in hints.chunks(AT_ONCE) {
            let words = Words { from: name.to_owned(), hints: hints.to_vec() };
            let words = serde_json::to_string(&words).map_err(|error| DbError::Encode(error.into()))?;
            app.db.tell(CHANNEL, &words).await?;
        }
    }
}

async fn hear(app: &App, name: &str, mut listener: Listener) -> Result<(), DbError> {
    loop {
        let said = listener.hear().await?;
        // Another version may say it otherwise: it is a hint.
        let Ok(words) = serde_json::from_str::<Words>(&said) else { continue };
        if words.from == name {
            continue;
        }
        for hint in words.hints {
            let _ = app.events.send(hint);
        }
    }
}
