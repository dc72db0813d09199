//! Where a flow can stand, for the matrix of rights; and a world in which it gets there by the acts of its people.

use std::collections::HashMap;

use serde_json::{Value, json};
use yinku::db::sql;

use crate::support::{
    Caller, Engine, Plan,
    files::{form, pdf},
    flows::purchase,
    seals::without_photo,
    world,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not submitted.
    Draft,
    /// At its first node.
    Approving,
    /// At its seal node; a photo is there to be had.
    InUse,
    /// The same, of a flow type without a download field.
    InUseLocal,
    /// At its seal node; use has ended and a photo is missing.
    Short,
    /// The same at its last node.
    ShortAtTheLast,
    /// At its seal node; use has ended and no stamp was made.
    Unused,
    /// At the node after its seal node.
    Checking,
    CheckingLocal,
    /// Sent back to the seal node from the node after it.
    BackAtTheSeal,
    /// Every node is passed.
    Ready,
    /// The same, with a required files field that is empty.
    FileOwed,
    /// By whoever had the seal node.
    SentBack,
    /// During use, after a stamping.
    Withdrawn,
    Archived,
    ArchivedLocal,
}

use Standing::{
    Approving, Archived, ArchivedLocal, BackAtTheSeal, Checking, CheckingLocal, Draft, FileOwed, InUse, InUseLocal,
    Ready, SentBack, Short, ShortAtTheLast, Unused, Withdrawn,
};

impl Standing {
    pub(crate) fn is_archived(self) -> bool {
        matches!(self, Archived | ArchivedLocal)
    }

    pub(crate) fn has_seal_use(self) -> bool {
        !matches!(self, Draft | Approving)
    }

    /// Whoever sees the flow in every case.
    pub(crate) fn seen_by(self) -> &'static str {
        if self == Draft { "zhang" } else { "admin" }
    }

    pub(crate) fn is_with_starter(self) -> bool {
        matches!(self, Draft | SentBack)
    }

    fn define(self, definition: &mut Value) {
        let fields = definition["fields"].as_array_mut().unwrap();
        fields.push(json!({ "key": "note", "label": "备注", "type": "textarea" }));
        let required = self == FileOwed;
        fields.push(json!({ "key": "stamped", "label": "用印后文件", "type": "files", "required": required }));
        let nodes = definition["nodes"].as_array_mut().unwrap();
        nodes[1]["assignees"] = json!(["user:wang"]);
        if self != ShortAtTheLast {
            nodes.push(json!({ "key": "check", "name": "复核", "kind": "approval", "assignees": ["user:li"],
                "editable": ["note"] }));
        }
        let integration = definition["integration"].as_object_mut().unwrap();
        integration.insert("stampedFileField".into(), "stamped".into());
        integration.insert("archive".into(), "manual".into());
        integration.insert("detailNodes".into(), json!(["seal", "check"]));
        if matches!(self, InUseLocal | CheckingLocal | ArchivedLocal) {
            integration.remove("downloadField");
        }
        if self == ShortAtTheLast {
            integration.insert("detailNodes".into(), json!(["seal"]));
        }
    }
}

/// A world with one definition more, and its people logged in.
pub(crate) struct World {
    inner: world::World,
    people: HashMap<&'static str, Caller>,
    definition: String,
}

impl World {
    pub(crate) async fn new(engine: Engine, standing: Standing) -> Self {
        let world = world::World::new(engine, Plan::default()).await;
        let admin = world.caller("admin").await;
        let chen = json!({ "username": "chen", "displayName": "陈八", "password": "a password of some length",
            "roles": ["member"], "employeeNo": "E008" });
        admin.post("/api/users", &chen).await.expect(201);
        let mut definition = admin.get(&format!("/api/definitions/{}", world.definition)).await.expect(200);
        standing.define(&mut definition);
        let made = admin.post("/api/definitions", &definition).await.expect(201);
        let mut people = HashMap::new();
        for person in ["admin", "zhang", "li", "wang", "chen", "sun", "zhao"] {
            people.insert(person, world.caller(person).await);
        }
        Self { inner: world, people, definition: made["id"].as_str().unwrap().to_owned() }
    }

    pub(crate) fn caller(&self, person: &str) -> &Caller {
        &self.people[person]
    }

    pub(crate) async fn look(&self, person: &str, flow: &Value) -> Value {
        self.caller(person).get(&format!("/api/flows/{}", flow["id"].as_str().unwrap())).await.expect(200)
    }

    /// What is listed for this person; nothing for whoever does not see the flow.
    pub(crate) async fn actions(&self, person: &str, flow: &Value) -> Vec<String> {
        let told = self.caller(person).get(&format!("/api/flows/{}", flow["id"].as_str().unwrap())).await;
        serde_json::from_value(told.json()["actions"].clone()).unwrap_or_default()
    }

    /// How many acts of people with this flow are on record.
    pub(crate) async fn entries(&self, flow: &str) -> i64 {
        let count = sql("SELECT COUNT(*) FROM audit WHERE flow_id = $1 AND username <> 'yinku'").bind(flow.to_owned());
        count.scalar(&self.inner.app.db).await.unwrap()
    }

    async fn act(&self, person: &str, flow: &Value, step: &str, body: Value) {
        let path = format!("/api/flows/{}/{step}", flow["id"].as_str().unwrap());
        self.caller(person).post(&path, &body).await.expect(200);
    }

    async fn until(&self, what: &str, flow: &Value, fact: impl Fn(&Value) -> bool) {
        self.inner.until(what, async || fact(&self.look("admin", flow).await)).await;
    }
}

/// A flow that stands there, and stays.
pub(crate) async fn stand(world: &World, standing: Standing) -> Value {
    let row = json!({ "seal": "QYS2019040001", "count": 1, "users": ["wang", "chen"] });
    let draft = standing == Draft;
    let flow = json!({ "definitionId": world.definition, "form": purchase(&json!([row])), "draft": draft });
    let flow = world.caller("zhang").post("/api/flows", &flow).await.expect(201);
    if standing.has_seal_use() {
        world.act("li", &flow, "approve", json!({})).await;
        use_seal(world, standing, &flow).await;
        go_on(world, standing, &flow).await;
        world.inner.until_quiet().await;
    }
    world.look(standing.seen_by(), &flow).await
}

async fn use_seal(world: &World, standing: Standing, flow: &Value) {
    world.until("seals are in use", flow, |flow| flow["sealUses"][0]["status"] == "using").await;
    let business = world.look("admin", flow).await["sealUses"][0]["businessId"].as_str().unwrap().to_owned();
    if standing == Unused {
        world.act("wang", flow, "seal-finish", json!({ "reason": "不用了" })).await;
        return world.until("use has ended", flow, |flow| flow["phase"] == "collecting").await;
    }
    let sim = &world.inner.sim;
    sim.stamp(&business, 0).await.unwrap();
    let files = format!("/api/flows/{}/fields/stamped/files", flow["id"].as_str().unwrap());
    if standing != FileOwed {
        let file = [("已盖章.pdf", pdf("1"))];
        let request = world.caller("wang").request(reqwest::Method::POST, &files).multipart(self::form(file));
        world.caller("wang").send(request).await.expect(201);
    }
    match standing {
        InUse | InUseLocal | SentBack | Withdrawn => {}
        Short | ShortAtTheLast => {
            sim.stamp_with(&business, 1, &without_photo()).await.unwrap();
            world.until("a photo is missing", flow, |flow| flow["phase"] == "collecting").await;
        }
        _ => {
            sim.stamp(&business, 1).await.unwrap();
            world.until("the seal node is passed", flow, |flow| flow["node"] == "check").await;
        }
    }
}

async fn go_on(world: &World, standing: Standing, flow: &Value) {
    match standing {
        Draft | Approving | InUse | InUseLocal | Short | ShortAtTheLast | Unused | Checking | CheckingLocal => {}
        BackAtTheSeal => world.act("li", flow, "reject", json!({ "to": "seal", "comment": "退回" })).await,
        Ready | FileOwed => world.act("li", flow, "approve", json!({})).await,
        SentBack => world.act("wang", flow, "reject", json!({ "comment": "退回" })).await,
        Withdrawn => world.act("admin", flow, "withdraw", json!({ "comment": "客户取消" })).await,
        Archived | ArchivedLocal => {
            world.act("li", flow, "approve", json!({})).await;
            world.act("zhang", flow, "archive", json!({})).await;
        }
    }
}
