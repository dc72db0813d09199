//! An event stream that stays open, and what it has told.

use reqwest::{Method, Response};
use serde_json::Value;

use crate::support::{caller::Caller, until::within};

/// An open event stream of a person.
pub(crate) struct Events {
    stream: Response,
    /// All that has come, as it came.
    pub(crate) text: String,
}

impl Events {
    pub(crate) async fn of(caller: &Caller) -> Self {
        Self { stream: listen(caller).await, text: String::new() }
    }

    /// The hints so far, each with the member `event`.
    pub(crate) fn hints(&self) -> Vec<Value> {
        // The last piece may not be complete yet.
        let (whole, _) = self.text.rsplit_once("\n\n").unwrap_or_default();
        let line = |event: &str, name: &str| {
            event.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned())
        };
        let hint = |event: &str| {
            let mut hint: Value = serde_json::from_str(&line(event, "data:")?).unwrap();
            hint["event"] = line(event, "event:")?.into();
            Some(hint)
        };
        whole.split("\n\n").filter_map(hint).collect()
    }

    /// Reads on until a hint fulfils this. Returns the hint.
    pub(crate) async fn until(&mut self, what: &str, fact: impl Fn(&Value) -> bool) -> Value {
        let wait = async {
            loop {
                if let Some(hint) = self.hints().into_iter().find(&fact) {
                    return hint;
                }
                let piece = self.stream.chunk().await.unwrap().expect("the stream is open");
                self.text += std::str::from_utf8(&piece).unwrap();
            }
        };
        within(what, wait).await
    }
}

/// An event stream that is open.
pub(crate) async fn listen(caller: &Caller) -> Response {
    let stream = caller.request(Method::GET, "/api/events").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.headers()["cache-control"], "no-store");
    stream
}
