//! The matrix over HTTP: person × where the flow stands × act. What a flow's `actions` lists succeeds, what it does not
//! list is refused with a reason and changes nothing. The acts that it never lists have a row each, too.

use reqwest::Method;
use serde_json::{Value, json};
use yinku::{flow::actions::Action, http};

use self::standings::{Standing, World, stand};
use crate::support::{
    Caller, Engine, Told,
    files::{form, pdf, png},
    story,
};

mod standings;

/// 张三 starts, 李四 approves, 王五 (operator) has the seal node and stamps, 陈八 stamps too, 孙七 audits; 赵六 has
/// nothing to do with the flow.
const PEOPLE: [&str; 7] = ["admin", "zhang", "li", "wang", "chen", "sun", "zhao"];

/// A request that an act stands for.
struct Ask {
    method: Method,
    /// As the OpenAPI document writes it.
    route: &'static str,
    body: Body,
}

/// In place of the id of what a flow does not have.
const NOTHING: &str = "00000000-0000-7000-8000-000000000000";

enum Body {
    Json(Value),
    File(&'static str, Vec<u8>),
}

fn get(route: &'static str) -> Ask {
    Ask { method: Method::GET, route, body: Body::Json(Value::Null) }
}

fn post(route: &'static str, body: Value) -> Ask {
    Ask { method: Method::POST, route, body: Body::Json(body) }
}

fn put(route: &'static str, body: Value) -> Ask {
    Ask { method: Method::PUT, route, body: Body::Json(body) }
}

/// Every request that an action stands for, as `person` makes it. No action is forgotten: the match is exhaustive.
fn asks(action: Action, person: &str, standing: Standing) -> Vec<Ask> {
    match action {
        Action::Approve => vec![post("/api/flows/{id}/approve", json!({}))],
        Action::Reject => vec![post("/api/flows/{id}/reject", json!({ "comment": "退回" }))],
        Action::Withdraw => vec![post("/api/flows/{id}/withdraw", json!({ "comment": "客户取消" }))],
        Action::Transfer => vec![post("/api/flows/{id}/transfer", json!({ "to": "zhao" }))],
        Action::Edit => vec![put("/api/flows/{id}/form", json!({ "form": { "note": "改了" } }))],
        Action::Code => vec![get("/api/flows/{id}/seal-code")],
        Action::Detail => vec![get("/api/flows/{id}/seal-detail")],
        Action::Photos => vec![get("/api/flows/{id}/photos.zip")],
        Action::Collect => vec![post("/api/flows/{id}/collect", Value::Null)],
        Action::Append => vec![
            post("/api/flows/{id}/seal-append", json!({ "count": 1 })),
            post("/api/flows/{id}/seal-append", json!({ "count": 1, "deviceNo": "QYS2019040001" })),
        ],
        Action::Finish => vec![
            post("/api/flows/{id}/seal-finish", json!({ "reason": "盖完了" })),
            post("/api/flows/{id}/seal-finish", json!({ "reason": "盖完了", "deviceNo": "QYS2019040001" })),
            put("/api/flows/{id}/seal-window", json!({ "end": "2099-01-01T00:00:00+08:00" })),
        ],
        // A file of an archive stays.
        Action::Upload if standing.is_archived() => vec![upload()],
        Action::Upload => vec![upload(), remove()],
        // Without a stamp, the people of the seal node end the flow.
        Action::Archive if person == "admin" || standing == Standing::Unused => {
            vec![post("/api/flows/{id}/archive", json!({ "acceptMissing": true, "reason": "已录像" }))]
        }
        Action::Archive => vec![post("/api/flows/{id}/archive", Value::Null)],
        Action::Evidence => vec![get("/api/flows/{id}/evidence.zip"), get("/api/flows/{id}/evidence")],
    }
}

fn upload() -> Ask {
    let body = Body::File("合同.pdf", pdf("2"));
    Ask { method: Method::POST, route: "/api/flows/{id}/fields/{key}/files", body }
}

fn remove() -> Ask {
    let body = Body::Json(Value::Null);
    Ask { method: Method::DELETE, route: "/api/flows/{id}/fields/{key}/files/{documentId}", body }
}

/// The acts that are no action of a flow, and who may do them where.
fn beyond(person: &str, standing: Standing) -> Vec<(Ask, bool)> {
    let takes_part = if standing == Standing::Draft {
        person == "zhang"
    } else {
        ["admin", "zhang", "li", "wang", "chen"].contains(&person)
    };
    let sees = takes_part || (person == "sun" && standing != Standing::Draft);
    // 陈八 stamped without a photo.
    let supplies = ["admin", "wang", "chen"].contains(&person);
    let archived = standing.is_archived();
    let mut acts = vec![
        (get("/api/flows/{id}"), sees),
        (
            post("/api/flows/{id}/comment", json!({ "comment": "请看" })),
            takes_part && !archived && standing != Standing::Draft,
        ),
        (post("/api/flows/{id}/submit", json!({})), person == "zhang" && standing.is_with_starter()),
        (post("/api/flows/{id}/stamped/retry", Value::Null), takes_part),
        (post("/api/ingests/{id}/retry", Value::Null), takes_part && standing.has_seal_use()),
        (
            Ask { method: Method::POST, route: "/api/grants/{id}/photos", body: Body::File("补.png", png(7)) },
            supplies && matches!(standing, Standing::Short | Standing::ShortAtTheLast),
        ),
    ];
    if archived {
        acts.push((remove(), false));
    }
    // Nobody has removed a file. The story of removals shows who takes one back.
    acts.push((put("/api/flows/{id}/fields/{key}/files/{documentId}", Value::Null), false));
    acts
}

impl Ask {
    /// After the act the flow stands where it stood: it needs no flow of its own.
    fn moves_nothing(&self) -> bool {
        let last = self.route.rsplit('/').next().unwrap_or_default();
        self.method == Method::GET || ["comment", "retry", "collect", "form", "seal-window"].contains(&last)
    }

    fn path(&self, flow: &Value) -> String {
        let text = |value: &Value| value.as_str().unwrap_or(NOTHING).to_owned();
        let id = match self.route.split('/').nth(2) {
            Some("grants") => &flow["sealUses"][0]["grants"][1]["id"],
            Some("ingests") => &flow["sealUses"][0]["ingestId"],
            _ => &flow["id"],
        };
        let there = if self.method == Method::PUT { &Value::Null } else { &flow["files"]["stamped"][0]["id"] };
        let document = text(there);
        self.route.replace("{id}", &text(id)).replace("{key}", "stamped").replace("{documentId}", &document)
    }

    async fn send(&self, caller: &Caller, flow: &Value) -> Told {
        let request = caller.request(self.method.clone(), &self.path(flow));
        caller
            .send(match &self.body {
                Body::Json(Value::Null) => request,
                Body::Json(body) => request.json(body),
                Body::File(name, bytes) => request.multipart(form([(*name, bytes.clone())])),
            })
            .await
    }
}

/// What an act that is refused must leave as it is.
async fn trace(world: &World, standing: Standing, flow: &Value) -> Value {
    let flow = world.look(standing.seen_by(), flow).await;
    let acts = world.entries(flow["id"].as_str().unwrap()).await;
    let by_people: Vec<&Value> =
        flow["events"].as_array().unwrap().iter().filter(|event| event["actor"] != "yinku").collect();
    json!([flow["state"], flow["node"], flow["form"], flow["waitsFor"], by_people, acts])
}

async fn matrix(engine: Engine, standing: Standing, expected: &[(&str, &str)]) {
    let world = World::new(engine, standing).await;
    let flow = stand(&world, standing).await;
    for person in PEOPLE {
        let listed = world.actions(person, &flow).await;
        let expected = expected.iter().find(|(who, _)| *who == person).map_or("", |(_, may)| *may);
        // The evidence package is for everyone who sees the flow, in every standing. It is asked for below.
        let others: Vec<&str> = listed.iter().map(String::as_str).filter(|word| *word != "evidence").collect();
        assert_eq!(others.join(" "), expected, "{standing:?}: {person}");
        let of_actions = Action::ALL.iter().flat_map(|action| {
            let may = listed.iter().any(|word| word == action.as_str());
            asks(*action, person, standing).into_iter().map(move |ask| (ask, may))
        });
        for (ask, may) in of_actions.chain(beyond(person, standing)) {
            check(&world, standing, &flow, person, &ask, may).await;
        }
    }
}

async fn check(world: &World, standing: Standing, flow: &Value, person: &str, ask: &Ask, may: bool) {
    let caller = world.caller(person);
    let told = |answer: &Told| {
        let words = if answer.status.is_success() { Value::Null } else { answer.json() };
        format!("{standing:?}: {person}: {} {}: {} {words}", ask.method, ask.route, answer.status)
    };
    if may {
        let own = if ask.moves_nothing() { flow.clone() } else { stand(world, standing).await };
        let answer = ask.send(caller, &own).await;
        let nothing_there = ask.path(&own).contains(NOTHING) && answer.status == 404;
        assert!(answer.status.is_success() || nothing_there, "{}", told(&answer));
        return;
    }
    let before = trace(world, standing, flow).await;
    let answer = ask.send(caller, flow).await;
    let status = answer.status.as_u16();
    // Who does not see the flow finds nothing; nobody finds what is not there.
    let unseen = person == "zhao" || (standing == Standing::Draft && person != "zhang");
    let hidden = unseen || ask.path(flow).contains(NOTHING) || !is_documented(ask);
    assert!([403, 409].contains(&status) || (hidden && status == 404), "{}", told(&answer));
    assert!(answer.json()["detail"].as_str().is_some_and(|why| !why.is_empty()), "{}", told(&answer));
    assert_eq!(trace(world, standing, flow).await, before, "what is refused changes nothing: {}", told(&answer));
}

fn is_documented(ask: &Ask) -> bool {
    http::openapi().paths.paths.contains_key(ask.route)
}

#[test]
fn every_route_of_a_flow_has_a_row() {
    let of_actions = Action::ALL.iter().flat_map(|action| asks(*action, "admin", Standing::InUse));
    let rows: Vec<(String, &str)> = of_actions
        .chain(beyond("admin", Standing::InUse).into_iter().map(|(ask, _)| ask))
        .map(|ask| (ask.method.as_str().to_lowercase(), ask.route))
        .collect();
    let document = serde_json::to_value(http::openapi()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        let ours = ["/api/flows/{id}", "/api/grants/{id}"].iter().any(|prefix| path.starts_with(prefix));
        for method in item.as_object().unwrap().keys().filter(|_| ours) {
            assert!(rows.iter().any(|(known, route)| known == method && route == path), "{method} {path}");
        }
    }
}

macro_rules! rows {
    ($($story:ident: $standing:ident { $($who:ident: $may:literal),* $(,)? })+) => {
        $(story!($story, async |engine: Engine| {
            matrix(engine, Standing::$standing, &[$((stringify!($who), $may)),*]).await;
        });)+
    };
}

rows! {
    while_it_is_a_draft: Draft {
        zhang: "withdraw edit",
    }
    while_it_is_approved: Approving {
        admin: "withdraw transfer upload",
        zhang: "withdraw",
        li: "approve reject transfer",
    }
    while_seals_are_in_use: InUse {
        admin: "withdraw transfer code detail collect append finish upload",
        zhang: "detail",
        wang: "reject transfer detail collect append finish upload",
        chen: "code detail collect",
        sun: "detail",
    }
    while_seals_are_in_use_and_photos_are_downloaded: InUseLocal {
        admin: "withdraw transfer code detail photos append finish upload",
        zhang: "detail",
        wang: "reject transfer detail photos append finish upload",
        chen: "code detail photos",
        sun: "detail photos",
    }
    while_a_photo_is_missing: Short {
        admin: "withdraw transfer detail collect append upload",
        zhang: "detail",
        wang: "reject transfer detail collect append upload",
        chen: "detail collect",
        sun: "detail",
    }
    while_the_last_node_lacks_a_photo: ShortAtTheLast {
        admin: "withdraw transfer detail collect append upload archive",
        zhang: "detail",
        wang: "reject transfer detail collect append upload",
        chen: "detail collect",
        sun: "detail",
    }
    after_its_seals_were_not_used: Unused {
        admin: "withdraw transfer detail collect append upload archive",
        zhang: "withdraw detail",
        wang: "reject transfer detail collect append upload archive",
        chen: "detail collect",
        sun: "detail",
    }
    while_it_is_checked: Checking {
        admin: "withdraw transfer detail upload",
        zhang: "detail",
        li: "approve reject transfer edit detail",
        wang: "detail",
        chen: "detail",
        sun: "detail",
    }
    while_it_is_checked_and_photos_were_downloaded: CheckingLocal {
        admin: "withdraw transfer detail photos upload",
        zhang: "detail photos",
        li: "approve reject transfer edit detail photos",
        wang: "detail photos",
        chen: "detail photos",
        sun: "detail photos",
    }
    back_at_a_seal_node_whose_use_is_complete: BackAtTheSeal {
        admin: "withdraw transfer detail collect append upload",
        zhang: "detail",
        wang: "approve reject transfer detail collect append upload",
        chen: "detail collect",
        sun: "detail",
    }
    while_it_waits_for_its_archive: Ready {
        admin: "detail upload archive",
        zhang: "upload archive",
        wang: "upload archive",
        sun: "detail",
    }
    while_it_waits_for_a_file: FileOwed {
        admin: "detail upload",
        zhang: "upload",
        wang: "upload",
        sun: "detail",
    }
    sent_back_to_its_starter: SentBack {
        admin: "withdraw detail",
        zhang: "edit",
        sun: "detail",
    }
    withdrawn: Withdrawn {
        admin: "detail",
        zhang: "detail",
        li: "detail",
        wang: "detail",
        chen: "detail",
        sun: "detail",
    }
    archived: Archived {
        admin: "detail upload",
        zhang: "detail upload",
        li: "detail",
        wang: "detail upload",
        chen: "detail",
        sun: "detail",
    }
    archived_after_photos_were_downloaded: ArchivedLocal {
        admin: "detail photos upload",
        zhang: "detail photos upload",
        li: "detail photos",
        wang: "detail photos upload",
        chen: "detail photos",
        sun: "detail photos",
    }
}
