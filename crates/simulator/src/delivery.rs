//! Sends what is in line: in order or at once, with copies, again on a schedule. What is in line outlives a restart.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use http::{Method, header};

use super::{
    callbacks::{Delivery, RawCallback, request},
    engine::Engine,
    knobs::{CallbackKnobs, Success},
    state::{Notice, Pending},
};

/// Most callbacks and copies sent at one time.
const AT_ONCE: usize = 32;
/// How much of an answer is remembered, in characters.
const REMEMBERED: usize = 2_000;

/// Runs until the simulator stops.
pub(super) async fn run(engine: Arc<Engine>) {
    loop {
        expire(&engine);
        let due = if engine.switch.is_down() { Vec::new() } else { due(&engine) };
        if due.is_empty() {
            tokio::select! {
                () = engine.stop.cancelled() => return,
                () = engine.wake.notified() => {}
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
            }
            continue;
        }
        let at_once = if engine.knobs().callback.concurrent { AT_ONCE } else { 1 };
        let sending = stream::iter(due).for_each_concurrent(at_once, |pending| deliver(&engine, pending));
        tokio::select! {
            () = engine.stop.cancelled() => return,
            () = sending => {}
        }
    }
}

fn expire(engine: &Engine) {
    if engine.knobs().no_expiry {
        return;
    }
    let now = engine.now();
    let over = engine.read(|world| {
        let open = world.businesses.iter().flat_map(|b| &b.auths).filter(|a| !a.complete);
        open.into_iter().any(|a| a.end_time.is_some_and(|to| now > to))
    });
    if over {
        // Ending what is over cannot be refused.
        let _ = engine.change(|scene| Ok(((), scene.expire())));
    }
}

fn due(engine: &Engine) -> Vec<Pending> {
    let now = engine.now();
    engine.read(|world| world.pending.iter().filter(|p| !p.held && p.next_at <= now).cloned().collect())
}

async fn deliver(engine: &Engine, pending: Pending) {
    let knobs = engine.knobs();
    let attempt = pending.attempts + 1;
    let mut taken = true;
    if let Some(callback) = request(engine, &knobs, &pending).await {
        let copies = knobs.callback.duplicates.max(1);
        let about = Some((pending.id, pending.notice.clone()));
        let sent = send(engine, &callback, copies, knobs.callback.concurrent, about, attempt).await;
        taken = sent.iter().any(|delivery| delivery.taken);
    }
    let again = if taken { None } else { knobs.callback.retry_after(attempt) };
    let next_at = again.map(|ms| engine.now().plus(Duration::from_millis(ms)));
    engine.edit(|world| match next_at {
        None => world.pending.retain(|p| p.id != pending.id),
        Some(next_at) => {
            if let Some(kept) = world.pending.iter_mut().find(|p| p.id == pending.id) {
                (kept.attempts, kept.next_at) = (attempt, next_at);
            }
        }
    });
    if let Notice::Ended { business, .. } = &pending.notice {
        // The end was told: now the photos may exist (knob `reorder`).
        let _ = engine.change(|scene| {
            scene.release(business);
            Ok(((), Vec::new()))
        });
    }
    engine.progressed();
}

/// Sends copies of one request and notes what became of each.
pub(super) async fn send(
    engine: &Engine,
    callback: &RawCallback,
    copies: u32,
    concurrent: bool,
    about: Option<(u64, Notice)>,
    attempt: u32,
) -> Vec<Delivery> {
    let at_once = if concurrent { AT_ONCE } else { 1 };
    stream::iter(0..copies).map(|_| once(engine, callback, about.as_ref(), attempt)).buffered(at_once).collect().await
}

async fn once(engine: &Engine, callback: &RawCallback, about: Option<&(u64, Notice)>, attempt: u32) -> Delivery {
    let knobs = engine.knobs().callback;
    engine.counters().callbacks += 1;
    let method = Method::from_bytes(callback.method.as_bytes()).unwrap_or(Method::POST);
    let mut request = engine.http.request(method, &callback.url).body(callback.body.clone());
    if let Some(kind) = &callback.content_type {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    let answer = async {
        let response = request.send().await?;
        Ok::<_, reqwest::Error>((response.status().as_u16(), response.text().await?))
    };
    let (status, text) = match answer.await {
        Ok((status, text)) => (Some(status), text),
        Err(error) => (None, format!("{error:?}")),
    };
    let delivery = Delivery {
        id: about.map(|(id, _)| *id),
        notice: about.map(|(_, notice)| notice.clone()),
        url: callback.url.clone(),
        attempt,
        at: engine.now(),
        status,
        taken: status.is_some_and(|status| taken(&knobs, status, &text)),
        answer: text.chars().take(REMEMBERED).collect(),
    };
    engine.remember(delivery.clone());
    delivery
}

fn taken(knobs: &CallbackKnobs, status: u16, body: &str) -> bool {
    match knobs.success {
        Success::Http2xx => (200..300).contains(&status),
        Success::HttpBelow400 => status < 400,
        Success::JsonCodeZero => {
            serde_json::from_str::<serde_json::Value>(body).is_ok_and(|answer| answer["code"] == 0)
        }
        Success::BodySuccess => body.trim() == "success",
    }
}
