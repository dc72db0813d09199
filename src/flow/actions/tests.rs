//! The matrix: which user may do what in which stage of a flow.

use serde_json::{Value, json};

use super::*;
use crate::{
    clock::Timestamp,
    flow::FlowState,
    id::{DefinitionId, FlowId, ServiceId, UserId},
    user::{Role, Roles},
};

/// 张三 starts, 李四 approves, 王五 has the turn of the operators, 陈八 stamps too, 周九 only participates, 孙七 audits.
const PEOPLE: [(&str, Role); 7] = [
    ("admin", Role::Admin),
    ("zhang", Role::Member),
    ("li", Role::Member),
    ("wang", Role::Operator),
    ("chen", Role::Member),
    ("zhou", Role::Archivist),
    ("sun", Role::Auditor),
];

struct Stage {
    name: &'static str,
    state: FlowState,
    node: Option<&'static str>,
    turn: &'static str,
    uses: Vec<UseFacts>,
}

fn used(status: SealUseStatus, at_vendor: bool, missing: i64) -> UseFacts {
    let open = status == SealUseStatus::Using;
    let grant = |name: &str| GrantFacts { username: Some(name.into()), name: name.into(), code: open };
    let grants = if at_vendor { ["wang", "chen"].map(grant).to_vec() } else { Vec::new() };
    let complete = status.ended() && missing == 0;
    UseFacts { status, at_vendor, superseded: false, missing, complete, evidence: complete || missing > 0, grants }
}

fn stages() -> Vec<Stage> {
    use FlowState::{Archived, Rejected, Running, Withdrawn};
    let complete = used(SealUseStatus::Complete, true, 0);
    let superseded = UseFacts { superseded: true, evidence: false, ..used(SealUseStatus::Finished, true, 0) };
    let unused = UseFacts { evidence: false, complete: false, ..used(SealUseStatus::Finished, true, 0) };
    let stage = |name, state, node, turn, uses: &[UseFacts]| Stage { name, state, node, turn, uses: uses.to_vec() };
    vec![
        stage("approving", Running, Some("manager"), "li", &[]),
        stage("applying", Running, Some("seal"), "wang", &[used(SealUseStatus::Applying, false, 0)]),
        stage("unknown", Running, Some("seal"), "wang", &[used(SealUseStatus::Unknown, false, 0)]),
        stage("using", Running, Some("seal"), "wang", &[used(SealUseStatus::Using, true, 0)]),
        stage("collecting", Running, Some("seal"), "wang", &[used(SealUseStatus::Complete, true, 2)]),
        stage("unused", Running, Some("seal"), "wang", &[unused]),
        stage("checking", Running, Some("check"), "li", std::slice::from_ref(&complete)),
        stage("ready", Running, None, "wang", std::slice::from_ref(&complete)),
        stage("ready, photos owed", Running, None, "wang", &[used(SealUseStatus::Complete, true, 1)]),
        stage("sent back", Rejected, Some("start"), "zhang", &[superseded]),
        stage("withdrawn", Withdrawn, Some("seal"), "", std::slice::from_ref(&complete)),
        stage("archived", Archived, None, "", &[complete]),
    ]
}

fn user(name: &str, role: Role) -> User {
    User {
        id: UserId::new(),
        username: name.into(),
        display_name: name.into(),
        roles: Roles(vec![role]),
        employee_no: None,
        mobile: None,
        manager: None,
        disabled: false,
        must_change: false,
        totp: false,
        created_at: Timestamp(0),
    }
}

fn flow(stage: &Stage) -> Flow {
    Flow {
        id: FlowId::new(),
        serial_no: "YK1".into(),
        definition_id: DefinitionId::new(),
        version: 1,
        title: "合同".into(),
        starter: "zhang".into(),
        state: stage.state,
        node: stage.node.map(str::to_owned),
        form: "{}".into(),
        manifest_no: 0,
        round: 1,
        by_hand: false,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        archived_at: None,
    }
}

fn body(change: impl FnOnce(&mut Value)) -> Body {
    let mut body = json!({
        "name": "用印",
        "fields": [
            { "key": "subject", "label": "主题", "type": "text" }, { "key": "company", "label": "组织", "type": "text" },
            { "key": "seal", "label": "印章", "type": "seal" }, { "key": "count", "label": "次数", "type": "number" },
            { "key": "users", "label": "用印人", "type": "users" }, { "key": "file", "label": "文件", "type": "files" },
            { "key": "photos", "label": "图片", "type": "files" }, { "key": "stamped", "label": "用印后", "type": "files" } ],
        "nodes": [
            { "key": "manager", "name": "审批", "kind": "approval", "assignees": ["user:li"] },
            { "key": "seal", "name": "用印", "kind": "seal", "assignees": ["role:operator"] },
            { "key": "check", "name": "复核", "kind": "approval", "assignees": ["user:li"], "editable": ["subject"] } ],
        "integration": {
            "enabled": true, "serviceId": ServiceId::new(), "subjectField": "subject", "organisationField": "company",
            "sealField": "seal", "userField": "users", "countField": "count", "applyNode": "manager",
            "codeNodes": ["seal"], "detailNodes": ["seal", "check"], "finishNodes": ["seal"], "appendNodes": ["seal"],
            "downloadNodes": ["seal"], "downloadField": "photos", "stampedFileField": "stamped" } });
    change(&mut body);
    serde_json::from_value(body).unwrap()
}

/// Returns one line for each user with the actions of this user, without the evidence package. A user without an action
/// has no line.
fn matrix(body: &Body) -> Vec<String> {
    let mut lines = Vec::new();
    for stage in stages() {
        let flow = flow(&stage);
        for (name, role) in PEOPLE {
            let user = user(name, role);
            let facts = Facts {
                user: &user,
                flow: &flow,
                body,
                turn: stage.turn == name,
                place: stage.turn == name,
                takes_part: ["zhang", "li", "wang", "chen", "zhou"].contains(&name),
                starter_gone: false,
                seal_uses: &stage.uses,
                owed_fields: Vec::new(),
                application_owed: false,
                approved: false,
            };
            let takes_part = facts.takes_part || user.reads_all();
            assert_eq!(check(&facts, Action::Evidence).is_ok(), takes_part, "{}: {name}", stage.name);
            let may = actions(&facts).into_iter().filter(|action| *action != Action::Evidence);
            let may: Vec<&str> = may.map(Action::as_str).collect();
            if !may.is_empty() {
                lines.push(format!("{}: {name}: {}", stage.name, may.join(" ")));
            }
        }
    }
    lines
}

/// Returns true if the line lists this action. The name of the stage is ignored.
fn lists(line: &str, action: &str) -> bool {
    line.rsplit(": ").next().is_some_and(|actions| actions.split(' ').any(|listed| listed == action))
}

#[test]
fn everybody_may_do_exactly_what_their_turn_and_role_allow() {
    assert_eq!(
        matrix(&body(|_| ())),
        [
            "approving: admin: withdraw transfer upload",
            "approving: zhang: withdraw upload",
            "approving: li: approve reject transfer",
            "applying: admin: withdraw transfer upload",
            "applying: zhang: withdraw",
            "applying: wang: reject transfer upload",
            "unknown: admin: withdraw transfer upload",
            "unknown: zhang: withdraw",
            "unknown: wang: reject transfer upload",
            "using: admin: withdraw transfer code detail collect append finish upload",
            "using: zhang: withdraw detail",
            "using: wang: reject transfer code detail collect append finish upload",
            "using: chen: code detail collect",
            "using: sun: detail",
            "collecting: admin: withdraw transfer detail collect append upload",
            "collecting: zhang: detail",
            "collecting: wang: reject transfer detail collect append upload",
            "collecting: chen: detail collect",
            "collecting: sun: detail",
            "unused: admin: withdraw transfer detail collect append upload archive",
            "unused: zhang: withdraw detail",
            "unused: wang: reject transfer detail collect append upload archive",
            "unused: chen: detail collect",
            "unused: sun: detail",
            "checking: admin: withdraw transfer detail upload",
            "checking: zhang: detail",
            "checking: li: approve reject transfer edit detail",
            "checking: wang: detail",
            "checking: chen: detail",
            "checking: sun: detail",
            "ready: admin: detail upload archive",
            "ready: zhang: upload archive",
            "ready: wang: upload archive",
            "ready: sun: detail",
            "ready, photos owed: admin: detail upload archive",
            "ready, photos owed: zhang: upload",
            "ready, photos owed: wang: upload",
            "ready, photos owed: sun: detail",
            "sent back: admin: withdraw detail",
            "sent back: zhang: withdraw edit upload",
            "sent back: sun: detail",
            "withdrawn: admin: detail",
            "withdrawn: zhang: detail",
            "withdrawn: li: detail",
            "withdrawn: wang: detail",
            "withdrawn: chen: detail",
            "withdrawn: zhou: detail",
            "withdrawn: sun: detail",
            "archived: admin: detail upload",
            "archived: zhang: detail upload",
            "archived: li: detail",
            "archived: wang: detail",
            "archived: chen: detail",
            "archived: zhou: detail",
            "archived: sun: detail",
        ]
    );
}

#[test]
fn node_lists_say_where_buttons_show() {
    let nowhere = body(|body| {
        for list in ["codeNodes", "detailNodes", "finishNodes", "appendNodes", "downloadNodes"] {
            body["integration"][list] = json!([]);
        }
    });
    let lines = matrix(&nowhere);
    for word in ["code", "collect", "append", "finish"] {
        assert!(!lines.iter().any(|line| lists(line, word)), "{word}: {lines:?}");
    }
    assert!(
        lines.contains(&"using: admin: withdraw transfer detail upload".to_owned()),
        "reading is theirs: {lines:?}"
    );
    assert!(lines.contains(&"using: wang: reject transfer upload".to_owned()));
}

#[test]
fn without_a_download_field_photos_go_to_the_own_machine() {
    let local = body(|body| {
        body["integration"].as_object_mut().unwrap().remove("downloadField");
    });
    let lines = matrix(&local);
    assert!(
        lines.contains(&"using: wang: reject transfer code detail photos append finish upload".to_owned()),
        "{lines:?}"
    );
    assert!(!lines.iter().any(|line| line.contains("collect ")), "{lines:?}");
}

#[test]
fn at_the_last_seal_node_an_administrator_may_archive_without_photos_that_never_came() {
    let last = body(|body| {
        body["nodes"].as_array_mut().unwrap().pop();
        body["integration"]["detailNodes"] = json!(["seal"]);
    });
    // This definition has no node `check`, so the stage `checking` is skipped.
    let may = matrix(&last).into_iter().filter(|line| lists(line, "archive") && !line.starts_with("checking"));
    let may: Vec<String> = may.collect();
    assert_eq!(
        may,
        [
            "collecting: admin: withdraw transfer detail collect append upload archive",
            "unused: admin: withdraw transfer detail collect append upload archive",
            "unused: wang: reject transfer detail collect append upload archive",
            "ready: admin: detail upload archive",
            "ready: zhang: upload archive",
            "ready: wang: upload archive",
            "ready, photos owed: admin: detail upload archive",
        ]
    );
}

#[test]
fn switched_off_a_definition_has_no_buttons_of_seals() {
    let off = body(|body| body["integration"]["enabled"] = false.into());
    let lines = matrix(&off);
    assert!(lines.contains(&"using: wang: approve reject transfer upload".to_owned()), "{lines:?}");
    for word in ["code", "detail", "collect", "append", "finish"] {
        assert!(!lines.iter().any(|line| lists(line, word)), "{word}: {lines:?}");
    }
}

#[test]
fn what_others_may_do_and_what_nobody_may_do_now_are_told_apart() {
    let body = body(|_| ());
    let stage = &stages()[3];
    let flow = flow(stage);
    let refusal = |name: &str, role, turn, action| {
        let user = user(name, role);
        let facts = Facts {
            user: &user,
            flow: &flow,
            body: &body,
            turn,
            place: turn,
            takes_part: true,
            starter_gone: false,
            seal_uses: &stage.uses,
            owed_fields: Vec::new(),
            application_owed: false,
            approved: false,
        };
        check(&facts, action)
    };
    for action in [Action::Reject, Action::Transfer, Action::Code, Action::Append, Action::Finish, Action::Withdraw] {
        assert!(matches!(refusal("zhou", Role::Archivist, false, action), Err(Refusal::NotYours(_))), "{action}");
    }
    for action in [Action::Photos, Action::Archive, Action::Edit] {
        assert!(matches!(refusal("wang", Role::Operator, true, action), Err(Refusal::NotNow(_))), "{action}");
    }
    assert_eq!(refusal("wang", Role::Operator, true, Action::Approve), Err(Refusal::SealNode));
}

#[test]
fn codes_are_those_of_people_with_an_open_grant() {
    let body = body(|_| ());
    let stage = &stages()[3];
    let flow = flow(stage);
    let of = |name: &str, role, uses: &[UseFacts]| {
        let user = user(name, role);
        let (seal_uses, owed_fields) = (uses, Vec::new());
        let facts = Facts {
            user: &user,
            flow: &flow,
            body: &body,
            turn: true,
            place: true,
            takes_part: true,
            starter_gone: false,
            seal_uses,
            owed_fields,
            application_owed: false,
            approved: false,
        };
        check(&facts, Action::Code)
    };
    assert_eq!(of("wang", Role::Operator, &stage.uses), Ok(()));
    let Err(Refusal::NotYours(why)) = of("li", Role::Member, &stage.uses) else { panic!("li has no grant") };
    assert!(why.contains("wang, chen"), "{why}");
    let mut ended = stage.uses.clone();
    ended[0].grants[0].code = false;
    let Err(Refusal::NotYours(why)) = of("wang", Role::Operator, &ended) else { panic!("wang's grant has ended") };
    assert!(why.contains("chen") && !why.contains("wang"), "{why}");
}
