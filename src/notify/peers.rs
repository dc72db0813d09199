//! Change notices between the processes of one service. The database carries them where it can (PostgreSQL).
//!
//! A notice is sent after its change is committed, and with a short delay. The notices of that time are sent
//! together, for each thing only the newest. A page that misses a notice reads the change at the next one.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, ChangeNotice},
    db::{DbError, Listener},
};

const CHANNEL: &str = "yinku_notices";
/// Notices within this time are sent together.
const DELAY: Duration = Duration::from_millis(200);
/// The wait before the next attempt to listen.
const RETRY: Duration = Duration::from_secs(5);
/// The limit of one PostgreSQL payload is 8,000 bytes. A notice has some 200 bytes.
const AT_ONCE: usize = 20;

#[derive(Serialize, Deserialize)]
struct Message {
    /// The sending process. Its own listeners have the notices already.
    from: String,
    notices: Vec<ChangeNotice>,
}

/// Sends the notices of this process and receives those of the others, until `stop`. On SQLite it does nothing.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let name = uuid::Uuid::now_v7().to_string();
    let work = async {
        loop {
            match app.db.listen(CHANNEL).await {
                Ok(None) => return,
                Ok(Some(listener)) => {
                    let own = app.notices_for_peers.subscribe();
                    let (sends, receives) = (send(&app, &name, own), receive(&app, &name, listener));
                    let ended = tokio::select! { ended = sends => ended, ended = receives => ended };
                    tracing::warn!(error = ?ended.err(), "change notices do not reach other processes; trying again");
                }
                Err(error) => tracing::warn!(%error, "change notices do not reach other processes; trying again"),
            }
            tokio::time::sleep(RETRY).await;
        }
    };
    stop.run_until_cancelled(work).await;
}

async fn send(app: &App, name: &str, mut own: Receiver<ChangeNotice>) -> Result<(), DbError> {
    loop {
        let mut latest = HashMap::new();
        let mut next = own.recv().await;
        tokio::time::sleep(DELAY).await;
        loop {
            match next {
                Ok(notice) => drop(latest.insert((notice.about, notice.id.clone()), notice)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok(()),
            }
            next = match own.try_recv() {
                Ok(notice) => Ok(notice),
                Err(_) => break,
            };
        }
        let notices: Vec<ChangeNotice> = latest.into_values().collect();
        for notices in notices.chunks(AT_ONCE) {
            let message = Message { from: name.to_owned(), notices: notices.to_vec() };
            let message = serde_json::to_string(&message).map_err(|error| DbError::Encode(error.into()))?;
            app.db.tell(CHANNEL, &message).await?;
        }
    }
}

async fn receive(app: &App, name: &str, mut listener: Listener) -> Result<(), DbError> {
    loop {
        let payload = listener.hear().await?;
        // Another version may use another format. A lost notice does no harm, so it is ignored.
        let Ok(message) = serde_json::from_str::<Message>(&payload) else { continue };
        if message.from == name {
            continue;
        }
        for notice in message.notices {
            let _ = app.change_notices.send(notice);
        }
    }
}
