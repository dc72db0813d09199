//! The open event streams. The streams of one user share one question per flow: may this user see it?

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    app::{App, ChangeNotice, ChangeSubject},
    db::DbError,
    flow::Flow,
    id::UserId,
    library::{
        folder::Folder,
        rights::{Right, Sight},
    },
    user::{Role, User},
};

/// Most open streams of one user.
const MOST: usize = 8;
/// Notices that a slow stream may be behind. It loses older ones, and reads again at the next one.
const BEHIND: usize = 256;

/// The hubs of one user, by roles. The roles decide what the user may see.
type Hubs = Vec<(Vec<Role>, Weak<Hub>)>;

/// The open streams by user.
#[derive(Debug, Default)]
pub(super) struct Listeners(Mutex<HashMap<UserId, Hubs>>);

/// What the streams of one user share. The last stream that drops it ends it.
#[derive(Debug)]
struct Hub {
    visible: broadcast::Sender<ChangeNotice>,
    _task: DropGuard,
}

/// One open stream: the notices about flows that its user may see.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) notices: broadcast::Receiver<ChangeNotice>,
    hub: Arc<Hub>,
}

impl Listener {
    /// Splits off the place of the stream. The stream must keep it.
    pub(super) fn into_parts(self) -> (broadcast::Receiver<ChangeNotice>, ListenerPlace) {
        (self.notices, ListenerPlace { _hub: self.hub })
    }
}

/// Dropping it frees the place of the stream.
#[derive(Debug)]
pub(super) struct ListenerPlace {
    _hub: Arc<Hub>,
}

impl Listeners {
    /// Returns a new stream. `None` if the user has the most streams already.
    pub(super) fn open(&self, app: &Arc<App>, user: &Arc<User>) -> Option<Listener> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, hubs| {
            hubs.retain(|(_, hub)| hub.strong_count() > 0);
            !hubs.is_empty()
        });
        let hubs = all.entry(user.id.clone()).or_default();
        if hubs.iter().map(|(_, hub)| hub.strong_count()).sum::<usize>() >= MOST {
            return None;
        }
        let of_roles = hubs.iter().find(|(roles, _)| *roles == user.roles.0).and_then(|(_, hub)| hub.upgrade());
        let hub = of_roles.unwrap_or_else(|| {
            let hub = Arc::new(Hub::start(app, user));
            hubs.push((user.roles.0.clone(), Arc::downgrade(&hub)));
            hub
        });
        Some(Listener { notices: hub.visible.subscribe(), hub })
    }
}

impl Hub {
    fn start(app: &Arc<App>, user: &Arc<User>) -> Self {
        let (visible, stop) = (broadcast::channel(BEHIND).0, CancellationToken::new());
        let question = Question { app: Arc::clone(app), user: Arc::clone(user), visible: visible.clone() };
        let all = app.change_notices.subscribe();
        let stopped = stop.clone();
        tokio::spawn(async move { stopped.run_until_cancelled(question.ask_for_each(all)).await });
        Self { visible, _task: stop.drop_guard() }
    }
}

/// Passes on the notices that the user may see.
struct Question {
    app: Arc<App>,
    user: Arc<User>,
    visible: broadcast::Sender<ChangeNotice>,
}

impl Question {
    async fn ask_for_each(self, mut all: broadcast::Receiver<ChangeNotice>) {
        loop {
            let mut waiting = match all.recv().await {
                Ok(notice) => vec![notice],
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            while let Ok(notice) = all.try_recv() {
                waiting.push(notice);
            }
            let mut answers = HashMap::new();
            for notice in waiting {
                // A folder is asked for by its own id.
                let asked = if notice.flow_id.is_empty() { &notice.id } else { &notice.flow_id };
                let known = answers.get(asked).copied();
                let may_see = match known {
                    Some(answer) => answer,
                    None => self.may_see(&notice).await,
                };
                answers.insert(asked.clone(), may_see);
                if may_see {
                    // Without a stream the notice is lost, as every notice is.
                    let _ = self.visible.send(notice);
                }
            }
        }
    }

    async fn may_see(&self, notice: &ChangeNotice) -> bool {
        if notice.about == ChangeSubject::Folder {
            return self.may_see_folder(&notice.id).await.unwrap_or(false);
        }
        match notice.flow_id.parse() {
            Ok(flow) => Flow::visible_to(&self.app.db, &flow, &self.user).await.unwrap_or(false),
            Err(_) => false,
        }
    }

    async fn may_see_folder(&self, id: &str) -> Result<bool, DbError> {
        let Ok(id) = id.parse() else { return Ok(false) };
        let Some(folder) = Folder::find(&self.app.db, &id).await? else { return Ok(false) };
        // One in the trash has just left the lists.
        Ok(Sight::of(&self.app.db, &self.user).await?.on_shelf(&folder.shelf).has(Right::View))
    }
}
