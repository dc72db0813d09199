//! A fair semaphore with lanes. A waiter waits only behind other waiters of its lane, and the lanes are served in turn.
//! So a seal use of 5,000 photos does not block one of 5.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

#[derive(Debug)]
pub(super) struct Turns {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// The waiters by lane. The list has only lanes with waiters. The first lane is served next.
    lanes: VecDeque<(String, VecDeque<oneshot::Sender<Place>>)>,
}

/// A slot. Dropping it frees the slot.
#[derive(Debug)]
pub(super) struct Place(Option<Arc<Turns>>);

impl Turns {
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { free: places.max(1), lanes: VecDeque::new() }) })
    }

    pub(super) async fn take(self: &Arc<Self>, lane: &str) -> Place {
        let turn = {
            let mut state = self.lock();
            if state.free > 0 {
                // A slot is free, so no lane has waiters.
                state.free -= 1;
                return Place(Some(Arc::clone(self)));
            }
            let (call, turn) = oneshot::channel();
            match state.lanes.iter_mut().find(|(name, _)| name == lane) {
                Some((_, waiting)) => waiting.push_back(call),
                None => state.lanes.push_back((lane.to_owned(), VecDeque::from([call]))),
            }
            turn
        };
        turn.await.expect("a waiter is always called")
    }

    /// Gives a free slot to the first waiter of the next lane.
    fn pass_on(self: &Arc<Self>) {
        while let Some(call) = self.next() {
            match call.send(Place(Some(Arc::clone(self)))) {
                Ok(()) => return,
                // The waiter is gone. Give its slot to the next waiter here and not in `drop`.
                Err(mut place) => place.0 = None,
            }
        }
    }

    /// Returns the next waiter. Without waiters the slot becomes free.
    fn next(&self) -> Option<oneshot::Sender<Place>> {
        let mut state = self.lock();
        let Some((lane, mut waiting)) = state.lanes.pop_front() else {
            state.free += 1;
            return None;
        };
        let call = waiting.pop_front();
        if !waiting.is_empty() {
            state.lanes.push_back((lane, waiting));
        }
        call
    }

    /// Returns the number of free slots.
    pub(super) fn free(&self) -> usize {
        self.lock().free
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::join_all};

    use super::*;

    /// Starts to wait, in the order of the calls.
    fn wait(turns: &Arc<Turns>, lane: &'static str) -> impl Future<Output = (&'static str, Place)> {
        let turns = Arc::clone(turns);
        let mut taking = Box::pin(async move { (lane, turns.take(lane).await) });
        assert!(taking.as_mut().now_or_never().is_none(), "all places are taken");
        taking
    }

    #[tokio::test]
    async fn a_lane_with_many_waiting_holds_up_no_other_lane() {
        let turns = Turns::new(1);
        let first = turns.take("large").await;
        let waiting = ["large", "large", "large", "small", "small"].map(|lane| wait(&turns, lane));
        let order = Arc::new(Mutex::new(Vec::new()));
        let served = waiting.map(|waiting| {
            let order = Arc::clone(&order);
            async move {
                let (lane, place) = waiting.await;
                order.lock().unwrap().push(lane);
                drop(place);
            }
        });
        drop(first);
        join_all(served).await;
        assert_eq!(*order.lock().unwrap(), ["large", "small", "large", "small", "large"]);
    }

    #[tokio::test]
    async fn a_cancelled_waiter_keeps_no_place() {
        let turns = Turns::new(1);
        let first = turns.take("a").await;
        let (gone, late) = (wait(&turns, "a"), wait(&turns, "a"));
        drop(gone);
        drop(first);
        drop(late.await);
        // A waiter that was called and then dropped also frees its slot.
        let holder = turns.take("a").await;
        let called = wait(&turns, "b");
        drop(holder);
        drop(called);
        let all = turns.take("c").now_or_never().expect("the place is free again");
        assert!(turns.take("d").now_or_never().is_none(), "and it is one place");
        drop(all);
    }
}
