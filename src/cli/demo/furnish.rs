//! Creates the objects of a new demo: users, a bound service, a definition.

use serde_json::json;

use super::{
    SECRET, TOKEN,
    api::{Api, text},
    memory::PASSWORD,
};

/// Username, name, role, employee number, task.
pub(super) const PEOPLE: [(&str, &str, &str, &str, &str); 5] = [
    ("zhang", "张三", "member", "E1001", "starts flows"),
    ("li", "李四", "member", "E1002", "approves"),
    ("wang", "王五", "operator", "E1003", "stamps"),
    ("zhao", "赵六", "archivist", "E1004", "keeps the knowledge base"),
    ("sun", "孙七", "auditor", "E1005", "reads everything"),
];

/// Creates all objects and returns the id of the definition, which is the ready-made one.
pub(super) async fn furnish(api: &Api, admin: &str) -> anyhow::Result<String> {
    let present = api.get(admin, "/api/users?limit=200").await?;
    // A manager must exist before the users of this manager.
    for (username, name, role, number, _) in PEOPLE.into_iter().rev() {
        let exists =
            present["items"].as_array().is_some_and(|users| users.iter().any(|user| user["username"] == username));
        if !exists {
            // 李四 approves the flows of 张三.
            let manager = (username == "zhang").then_some("li");
            let user = json!({ "username": username, "displayName": name, "password": PASSWORD, "roles": [role],
                "employeeNo": number, "manager": manager });
            api.post(admin, "/api/users", &user).await?;
        }
    }
    let service =
        json!({ "name": "契约锁（演示）", "baseUrl": api.vendor_url(), "appToken": TOKEN, "appSecret": SECRET });
    let service = text(&api.post(admin, "/api/services", &service).await?, "id")?;
    let definition = json!({ "serviceId": service });
    text(&api.post(admin, "/api/definitions/ready-made", &definition).await?, "id")
}
