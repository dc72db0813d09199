//! Whom and what every world has: people, a bound service, a definition; and the first steps of a flow in it.

use serde_json::{Value, json};
use simulator::Simulator;
use yinku::{
    app::App,
    definition::{Body, Definition, check},
    flow::step::{self, Opinion},
    id::{DefinitionId, FlowId, ServiceId},
    service::Service,
    user::{Acting, Role, User},
};

use crate::support::people::user;

/// 张三 starts a flow for `count` uses of one seal by 王五.
pub(crate) async fn start_flow(app: &App, definition: &DefinitionId, count: u32) -> FlowId {
    let row = json!({ "seal": "QYS2019040001", "count": count, "users": ["wang"] });
    let form = json!({ "subject": "采购合同", "company": "上海印库科技有限公司", "seals": [row] });
    let definition = Definition::current(&app.db, definition).await.unwrap().unwrap();
    let starter = User::named(&app.db, "zhang").await.unwrap().unwrap();
    let acting = Acting { db: &app.db, user: &starter, now: app.clock.now() };
    step::start(acting, &definition, form.as_object().unwrap(), None).await.unwrap()
}

/// 李四 approves, which makes the application.
pub(crate) async fn approve(app: &App, flow: &FlowId) {
    let li = User::named(&app.db, "li").await.unwrap().unwrap();
    let acting = Acting { db: &app.db, user: &li, now: app.clock.now() };
    step::approve(acting, flow, Opinion { comment: Some("同意"), node: None }).await.unwrap();
}

/// People, a bound service, a definition.
pub(crate) async fn furnish(
    app: &App,
    sim: &Simulator,
    token: &str,
    secret: &str,
    change: Option<fn(&mut Value)>,
) -> DefinitionId {
    let now = app.clock.now();
    let mut tx = app.db.begin().await.unwrap();
    let users = [
        ("zhang", "张三", Role::Member, "E001"),
        ("li", "李四", Role::Member, "E002"),
        ("wang", "王五", Role::Operator, "E003"),
        ("zhao", "赵六", Role::Archivist, "E004"),
        ("sun", "孙七", Role::Auditor, "E005"),
        ("admin", "管理员", Role::Admin, "E006"),
    ];
    for (username, name, role, number) in users {
        let user = User {
            display_name: name.into(),
            employee_no: Some(number.into()),
            created_at: now,
            ..user(username, &[role])
        };
        user.insert("x", &mut tx).await.unwrap();
    }
    let mut service = Service {
        id: ServiceId::new(),
        name: "契约锁".into(),
        base_url: sim.url(),
        app_token: token.into(),
        app_secret: String::new(),
        sign_mode: "legacy".into(),
        created_at: now,
    };
    service.set_secret(&app.secrets, secret).unwrap();
    service.insert(&mut tx).await.unwrap();
    let mut body = definition(&service.id);
    if let Some(change) = change {
        change(&mut body);
    }
    let body: Body = serde_json::from_value(body).unwrap();
    assert_eq!(check(&body), []);
    let id = DefinitionId::new();
    Definition::save(&mut tx, &id, &body, "admin", now).await.unwrap();
    tx.commit().await.unwrap();
    id
}

pub(crate) fn definition(service: &ServiceId) -> Value {
    json!({
        "name": "物理用印申请",
        "fields": [
            { "key": "subject", "label": "用印主题", "type": "text", "required": true },
            { "key": "company", "label": "发起组织", "type": "text", "required": true },
            { "key": "seals", "label": "用印明细", "type": "table", "columns": [
                { "key": "seal", "label": "物理印章", "type": "seal" },
                { "key": "count", "label": "用印次数", "type": "number" },
                { "key": "users", "label": "用印人", "type": "users" } ] },
            { "key": "photos", "label": "用印图片", "type": "files" } ],
        "nodes": [
            { "key": "manager", "name": "部门审批", "kind": "approval", "assignees": ["user:li"], "mode": "any" },
            { "key": "seal", "name": "用印", "kind": "seal", "assignees": ["role:operator"] } ],
        "integration": {
            "enabled": true, "serviceId": service, "subjectField": "subject", "organisationField": "company",
            "sealField": "seals.seal", "userField": "seals.users", "countField": "seals.count",
            "applyNode": "manager", "codeNodes": ["seal"], "detailNodes": ["seal"], "finishNodes": ["seal"], "appendNodes": ["seal"],
            "downloadNodes": ["seal"], "downloadField": "photos",
            "downloadFolder": { "space": "public", "path": "用印/2026" }, "archive": "auto" } })
}
