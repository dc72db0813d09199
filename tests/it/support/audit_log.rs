//! The audit log as an auditor reads it.

use serde_json::Value;
use yinku::{
    audit::{self, Act, NewEntry},
    db::Tx,
    id::FlowId,
};

use crate::support::{flows::show, seals::archived, world::World};

/// Who, what, which, in which flow, and more.
pub(crate) type Logged = (String, String, String, Option<String>, Option<String>);

impl World {
    /// The audit log after entry `seq`, in the order it was written, as the API tells it. Packages of evidence are made
    /// beside the acts of people, so they are left out.
    pub(crate) async fn log_after(&self, seq: i64) -> Vec<Logged> {
        let page = self.caller("sun").await.get("/api/audit?limit=200").await.expect(200);
        assert_eq!(page["next"], Value::Null);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let entries = page["items"].as_array().unwrap().iter().rev();
        let later = entries.filter(|entry| entry["seq"].as_i64().unwrap() > seq).map(|entry| {
            let [username, act, subject] = ["username", "act", "subject"].map(|member| text(&entry[member]).unwrap());
            (username, act, subject, text(&entry["flowId"]), text(&entry["detail"]))
        });
        later.filter(|(_, act, ..)| act != "evidence_sealed").collect()
    }

    /// The number of the audit log's last entry.
    pub(crate) async fn last_entry(&self) -> i64 {
        self.count("SELECT seq FROM audit_head").await
    }

    /// Locks the end of the audit log, as an act that is about to be committed does.
    pub(crate) async fn hold_log(&self) -> Tx {
        let mut tx = self.app.db.begin().await.unwrap();
        let entry = NewEntry::new("held", Act::LoggedIn, "held");
        audit::record(&mut tx, entry, self.app.clock.now()).await.unwrap();
        tx
    }

    /// An archived flow, and the document of its one photo.
    pub(crate) async fn photo(&self) -> (FlowId, Value) {
        let flow = archived(self, 1).await;
        let view = show(&self.caller("admin").await, &flow).await;
        (flow, view["files"]["photos"][0].clone())
    }
}

pub(crate) fn logged(username: &str, act: &str, subject: &str, flow: Option<&str>, detail: Option<&str>) -> Logged {
    (username.into(), act.into(), subject.into(), flow.map(Into::into), detail.map(Into::into))
}

pub(crate) fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}
