//! What a fresh demonstration needs: people, a bound service, a definition.

use serde_json::{Value, json};

use super::{
    SECRET, TOKEN,
    api::{Api, text},
    memory::PASSWORD,
};

/// Username, name, role, what they do.
pub(super) const PEOPLE: [(&str, &str, &str, &str, &str); 5] = [
    ("zhang", "张三", "member", "E1001", "starts flows"),
    ("li", "李四", "member", "E1002", "approves"),
    ("wang", "王五", "operator", "E1003", "stamps"),
    ("zhao", "赵六", "archivist", "E1004", "keeps the knowledge base"),
    ("sun", "孙七", "auditor", "E1005", "reads everything"),
];

/// Makes everything; the definition's id.
pub(super) async fn furnish(api: &Api, admin: &str) -> anyhow::Result<String> {
    let present = api.get(admin, "/api/users?limit=200").await?;
    for (username, name, role, number, _) in PEOPLE {
        let known =
            present["items"].as_array().is_some_and(|users| users.iter().any(|user| user["username"] == username));
        if !known {
            let user = json!({ "username": username, "displayName": name, "password": PASSWORD, "roles": [role], "employeeNo": number });
            api.post(admin, "/api/users", &user).await?;
        }
    }
    let service =
        json!({ "name": "契约锁（演示）", "baseUrl": api.vendor_url(), "appToken": TOKEN, "appSecret": SECRET });
    let service = text(&api.post(admin, "/api/services", &service).await?, "id")?;
    text(&api.post(admin, "/api/definitions", &definition(&service)).await?, "id")
}

fn definition(service: &str) -> Value {
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
            "enabled": true, "serviceId": service,
            "subjectField": "subject", "organisationField": "company",
            "sealField": "seals.seal", "userField": "seals.users", "countField": "seals.count",
            "applyNode": "manager", "codeNodes": ["seal"], "detailNodes": ["seal"], "finishNodes": ["seal"],
            "appendNodes": ["seal"], "downloadNodes": ["seal"], "downloadField": "photos",
            "downloadFolder": { "space": "public", "path": "用印/2026" }, "archive": "auto" } })
}
