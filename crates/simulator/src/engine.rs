//! What the handle, the vendor's endpoints, the control API and the deliveries share.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{
    callbacks::Delivery,
    clock::{Clock, Timestamp},
    faults::Fault,
    knobs::{Encoding, EndShape, Knobs},
    lifecycle::{CannotHappen, Scene},
    state::{Business, Notice, Pending, World},
    wire::Switch,
};

/// How many deliveries are remembered.
const REMEMBERED: usize = 10_000;

/// How often everything was asked for.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Signed requests by path.
    pub requests: BTreeMap<String, u64>,
    /// Requests refused for their signature.
    pub refused: u64,
    /// Most photos on their way at one time.
    pub max_concurrent_images: u64,
    pub images_in_flight: u64,
    /// Requests by photokey, whatever became of them.
    pub image_requests: BTreeMap<String, u64>,
    /// Right bytes sent to the end, by photokey.
    pub downloads: BTreeMap<String, u64>,
    /// Requests that a fault hit.
    pub faults: u64,
    /// Callbacks sent, copies and retries included.
    pub callbacks: u64,
}

impl Counters {
    /// How often the path was asked for.
    #[must_use]
    pub fn of(&self, path: &str) -> u64 {
        self.requests.get(path).copied().unwrap_or(0)
    }
}

#[derive(Debug)]
pub(super) struct Engine {
    pub(super) clock: Clock,
    pub(super) switch: Arc<Switch>,
    pub(super) stop: CancellationToken,
    pub(super) wake: Notify,
    pub(super) http: reqwest::Client,
    knobs: Mutex<Knobs>,
    world: Mutex<World>,
    faults: Mutex<Vec<Fault>>,
    counters: Mutex<Counters>,
    deliveries: Mutex<VecDeque<Delivery>>,
    progress: watch::Sender<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    pub(super) fn new(knobs: Knobs, clock: Clock) -> Result<Self, super::SimulatorError> {
        let world = match &knobs.state {
            Some(path) => World::load(path, knobs.seed)?,
            None => World::new(knobs.seed),
        };
        // The HTTP library has no cryptography built in. An error says that another part of the program chose one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(30))
            .build()?;
        let stop = CancellationToken::new();
        Ok(Self {
            clock,
            switch: Arc::new(Switch::new(stop.clone())),
            stop,
            wake: Notify::new(),
            http,
            knobs: Mutex::new(knobs),
            world: Mutex::new(world),
            faults: Mutex::default(),
            counters: Mutex::default(),
            deliveries: Mutex::default(),
            progress: watch::Sender::new(0),
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn knobs(&self) -> Knobs {
        lock(&self.knobs).clone()
    }

    pub(super) fn turn<T>(&self, turn: impl FnOnce(&mut Knobs) -> T) -> T {
        turn(&mut lock(&self.knobs))
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Vec<Fault>> {
        lock(&self.faults)
    }

    pub(super) fn counters(&self) -> MutexGuard<'_, Counters> {
        lock(&self.counters)
    }

    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.deliveries).iter().cloned().collect()
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&World) -> T) -> T {
        read(&lock(&self.world))
    }

    pub(super) fn business(&self, id: &str) -> Result<Business, CannotHappen> {
        self.read(|world| world.business(id).cloned()).ok_or_else(|| CannotHappen::NoBusiness(id.to_owned()))
    }

    /// Changes the state, keeps it, and puts what there is to tell in line; gives the ids of those callbacks.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&mut Scene<'_>) -> Result<(T, Vec<Notice>), CannotHappen>,
    ) -> Result<(T, Vec<u64>), CannotHappen> {
        self.change_and_push(None, change)
    }

    /// As [`Engine::change`]; `push` stands for the knob when pushing is off.
    pub(super) fn change_and_push<T>(
        &self,
        push: Option<Encoding>,
        change: impl FnOnce(&mut Scene<'_>) -> Result<(T, Vec<Notice>), CannotHappen>,
    ) -> Result<(T, Vec<u64>), CannotHappen> {
        let mut knobs = self.knobs();
        if let Some(push) = push
            && knobs.callback.push == Encoding::Off
        {
            knobs.callback.push = push;
        }
        let now = self.now();
        let mut world = lock(&self.world);
        let mut scene = Scene { world: &mut world, knobs: &knobs, now };
        let (value, notices) = change(&mut scene)?;
        let ids = notices.into_iter().filter_map(|notice| enqueue(&mut scene, notice)).collect();
        keep(&world, &knobs);
        drop(world);
        self.wake.notify_one();
        Ok((value, ids))
    }

    /// Changes what needs no telling.
    pub(super) fn edit<T>(&self, edit: impl FnOnce(&mut World) -> T) -> T {
        let knobs = self.knobs();
        let mut world = lock(&self.world);
        let value = edit(&mut world);
        keep(&world, &knobs);
        value
    }

    pub(super) fn remember(&self, delivery: Delivery) {
        let mut deliveries = lock(&self.deliveries);
        if deliveries.len() == REMEMBERED {
            deliveries.pop_front();
        }
        deliveries.push_back(delivery);
    }

    /// Tells those who wait in [`Engine::settle`] that a callback was tried.
    pub(super) fn progressed(&self) {
        self.progress.send_modify(|n| *n += 1);
    }

    /// Waits until each of these callbacks that is due was tried once; all callbacks when none is named.
    pub(super) async fn settle(&self, ids: Option<&[u64]>) {
        let mut progress = self.progress.subscribe();
        loop {
            let now = self.now();
            let waiting = |p: &Pending| {
                p.attempts == 0 && !p.held && p.next_at <= now && ids.is_none_or(|ids| ids.contains(&p.id))
            };
            let open = self.read(|world| world.pending.iter().any(waiting));
            if !open || self.switch.is_down() || self.stop.is_cancelled() {
                return;
            }
            // The dispatcher looks five times a second anyway: a lost wake-up cannot hang this.
            let _ = tokio::time::timeout(Duration::from_millis(200), progress.changed()).await;
        }
    }
}

/// Written under the lock, so that files follow each other in the order of the changes.
fn keep(world: &World, knobs: &Knobs) {
    if let Some(path) = &knobs.state
        && let Err(error) = world.save(path)
    {
        tracing::error!(%error, path = %path.display(), "the simulator's state could not be kept");
    }
}

/// Puts a callback in line if anybody is to be told.
fn enqueue(scene: &mut Scene<'_>, notice: Notice) -> Option<u64> {
    let callback = &scene.knobs.callback;
    let ends = matches!(notice, Notice::Ended { .. });
    let wanted = match &notice {
        Notice::Ended { .. } => callback.end_shape != EndShape::Off,
        Notice::Pushed { .. } => callback.push != Encoding::Off,
        Notice::Remaining { .. } => callback.remaining != Encoding::Off,
    };
    let business = scene.world.business(notice.business())?;
    let url = business.callback_url.clone().or_else(|| callback.callback_url.clone());
    let held = !ends && business.photos.iter().any(|p| p.visible_at.is_none());
    let Some(url) = url.filter(|_| wanted) else {
        if ends {
            let id = notice.business().to_owned();
            scene.release(&id);
        }
        return None;
    };
    let next_at = scene.now.plus(Duration::from_millis(callback.callback_delay_ms));
    let id = scene.world.next_number();
    scene.world.pending.push(Pending { id, notice, url, attempts: 0, next_at, held });
    Some(id)
}

/// What keeps the simulator from starting.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    #[error("the simulator's address or state file: {0}")]
    Io(#[from] io::Error),
    #[error("the simulator's HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}
