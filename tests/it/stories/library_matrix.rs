//! Every route that takes the id of a folder or a document, in its path, its query or its body, asked with each right and
//! by each role. The routes come from the OpenAPI document: a new one without a row fails.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use yinku::http;

use super::library_folders::{bring, make};
use crate::support::{
    Caller, World,
    files::{form, pdf},
    people::PASSWORD,
    story,
};

/// What a route needs.
#[derive(Clone, Copy, PartialEq)]
enum Needs {
    View,
    Download,
    Manage,
    /// Another answer to those who have it for none of the documents: each is refused.
    DownloadOfEach,
    ManageOfEach,
    /// A thing in the trash: only who manages its place knows it.
    Trash,
    /// The role of an administrator, whatever the rights on folders are.
    Admin,
}

struct Row {
    route: &'static str,
    needs: Needs,
    body: Body,
    success: u16,
}

enum Body {
    None,
    Query(fn(&Things) -> (&'static str, String)),
    Json(fn(&Things) -> Value),
    File,
}

/// Each caller has things of its own, so that one answer does not change the next. All lie in `folder` but `own`, which
/// lies in `other`: the caller manages that.
struct Things {
    folder: String,
    other: String,
    own: Vec<String>,
    document: String,
    moved: String,
    thrown: String,
    trashed_folder: String,
    trashed: Vec<String>,
}

const fn row(route: &'static str, needs: Needs, body: Body, success: u16) -> Row {
    Row { route, needs, body, success }
}

/// The last rows take the things away.
fn rows() -> Vec<Row> {
    use Needs::{Download, DownloadOfEach, Manage, ManageOfEach, Trash, View};
    let none = || Body::None;
    let into = || Body::Json(|things| json!({ "folderId": things.other }));
    vec![
        row("GET /api/folders", View, Body::Query(|things| ("parent", things.folder.clone())), 200),
        row("GET /api/folders/{id}", View, none(), 200),
        row("GET /api/folders/{id}/documents", View, none(), 200),
        row("GET /api/folders/{id}/timeline", View, none(), 200),
        row("GET /api/folders/{id}/rights", Manage, none(), 200),
        row("GET /api/folders/{id}/rights/of", Manage, Body::Query(|_| ("user", "zhang".to_owned())), 200),
        row("POST /api/folders/{id}/documents", Manage, Body::File, 201),
        row("POST /api/folders", Manage, Body::Json(|things| json!({ "parentId": things.folder, "name": "下" })), 201),
        row("PATCH /api/folders/{id}", Manage, Body::Json(|_| json!({ "name": "新" })), 200),
        row("GET /api/documents", View, Body::Query(|things| ("folderId", things.folder.clone())), 200),
        row("GET /api/documents", View, Body::Query(|things| ("around", things.document.clone())), 200),
        row("GET /api/documents/timeline", View, Body::Query(|things| ("folderId", things.folder.clone())), 200),
        row("GET /api/documents/{id}", View, none(), 200),
        row("GET /api/documents/{id}/content", Download, none(), 200),
        row("GET /api/documents/{id}/exif", View, none(), 200),
        // A PDF without pages has no thumbnail: the right is asked before.
        row("GET /api/documents/{id}/thumbnail/{size}", View, none(), 404),
        row("PATCH /api/documents/{id}", Manage, Body::Json(|_| json!({ "name": "新.pdf" })), 200),
        row("POST /api/bundles", Download, Body::Json(|things| json!({ "documentIds": [things.document] })), 201),
        row("POST /api/bundles", Download, Body::Json(|things| json!({ "folderId": things.folder })), 201),
        row("POST /api/documents/{id}/copy", Download, into(), 201),
        row(
            "POST /api/documents/copy",
            DownloadOfEach,
            Body::Json(|things| json!({ "documentIds": [things.document], "folderId": things.other })),
            200,
        ),
        row(
            "POST /api/documents/move",
            ManageOfEach,
            Body::Json(|things| json!({ "documentIds": [things.moved], "folderId": things.other })),
            200,
        ),
        row(
            "POST /api/documents/trash",
            ManageOfEach,
            Body::Json(|things| json!({ "documentIds": [things.thrown] })),
            200,
        ),
        // What the caller manages goes to a place that needs a right.
        row("POST /api/documents/copy", Manage, to_folder(), 200),
        row("POST /api/documents/move", Manage, to_folder(), 200),
        row(
            "POST /api/documents/restore",
            Trash,
            Body::Json(|things| json!({ "documentIds": [things.trashed[0]], "folderId": things.other })),
            200,
        ),
        row("POST /api/documents/{id}/restore", Trash, into(), 200),
        row("DELETE /api/trash/{id}", Trash, none(), 204),
        row("POST /api/folders/{id}/restore", Trash, Body::Json(|things| json!({ "parentId": things.other })), 200),
        row(
            "POST /api/fixity/runs",
            Needs::Admin,
            Body::Json(|things| json!({ "scope": "folder", "folderId": things.folder })),
            202,
        ),
        row("DELETE /api/documents/{id}", Manage, none(), 204),
        row(
            "POST /api/documents/trash",
            ManageOfEach,
            Body::Json(|things| json!({ "folderId": things.folder, "deep": true })),
            200,
        ),
        row("PUT /api/folders/{id}/rights", Manage, Body::Json(|_| json!({ "inherits": true, "entries": [] })), 200),
        row("DELETE /api/folders/{id}", Manage, none(), 204),
    ]
}

fn to_folder() -> Body {
    Body::Json(|things| json!({ "documentIds": things.own, "folderId": things.folder }))
}

/// Routes that ask the rights of a flow. stories/rights.rs has a row for each.
const BY_FLOW: [&str; 2] =
    ["DELETE /api/flows/{id}/fields/{key}/files/{documentId}", "PUT /api/flows/{id}/fields/{key}/files/{documentId}"];

/// The routes of the document that take the id of a folder or a document.
fn documented() -> BTreeSet<String> {
    let document = serde_json::to_value(http::openapi()).unwrap();
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            let Some(operation) = item.get(method) else { continue };
            let route = format!("{} {path}", method.to_uppercase());
            if takes_an_id(path, operation, &document) && !BY_FLOW.contains(&route.as_str()) {
                routes.insert(route);
            }
        }
    }
    routes
}

fn takes_an_id(path: &str, operation: &Value, document: &Value) -> bool {
    let in_path = ["/api/folders/{id}", "/api/documents/{id}", "/api/trash/{id}"];
    let names = ["folderId", "parentId", "parent", "documentId", "documentIds", "around"];
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    in_path.iter().any(|start| path.starts_with(start))
        || path.contains("{documentId}")
        || parameters.into_iter().any(|parameter| names.contains(&parameter["name"].as_str().unwrap()))
        || schemas(&operation["requestBody"])
            .iter()
            .filter_map(|name| document["components"]["schemas"][name]["properties"].as_object())
            .any(|properties| properties.keys().any(|key| names.contains(&key.as_str())))
}

/// The names of the schemas that a body refers to.
fn schemas(body: &Value) -> Vec<String> {
    match body {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match value.as_str().filter(|_| name == "$ref") {
                Some(reference) => vec![reference.rsplit('/').next().unwrap().to_owned()],
                None => schemas(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(schemas).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_route_of_the_library_has_a_row_of_rights() {
    let rows: BTreeSet<String> = rows().iter().map(|row| row.route.to_owned()).collect();
    assert_eq!(rows, documented());
}

/// The callers: name, role, the rights that an entry gives, and the rights that follow from these and from the role.
const HELD: [(&str, &str, &[&str], &[&str]); 10] = [
    ("viewer", "member", &["view"], &["view"]),
    ("loader", "member", &["download"], &["view", "download"]),
    ("keeper", "member", &["manage"], &["view", "download", "manage"]),
    ("facer", "member", &["faces"], &[]),
    ("both", "member", &["view", "faces"], &["view"]),
    ("nothing", "member", &[], &[]),
    ("stamper", "operator", &[], &[]),
    // The entries of the space end at the top folder.
    ("filer", "archivist", &[], &[]),
    ("reader", "auditor", &[], &["view", "download"]),
    ("boss", "admin", &[], &["view", "download", "manage"]),
];

impl Things {
    async fn new(world: &World, username: &str, rights: &[&str]) -> Self {
        let admin = world.caller("admin").await;
        let top = make(&admin, None, &format!("{username} top")).await;
        let mut entry = json!({ "who": format!("user:{username}") });
        for right in rights {
            entry[*right] = true.into();
        }
        let entries = if rights.is_empty() { json!([]) } else { json!([entry]) };
        let body = json!({ "inherits": false, "entries": entries });
        admin.put(&format!("/api/folders/{top}/rights"), &body).await.expect(200);
        let folder = make(&admin, Some(&top), "folder").await;
        let other = make(&admin, None, &format!("{username} other")).await;
        let managed = json!({ "inherits": false, "entries": [{ "who": format!("user:{username}"), "manage": true }] });
        admin.put(&format!("/api/folders/{other}/rights"), &managed).await.expect(200);
        let own = bring(&admin, &other, &["own.pdf"]).await;
        let mut brought = bring(&admin, &folder, &["a.pdf", "b.pdf", "c.pdf", "d.pdf", "e.pdf", "f.pdf"]).await;
        let trashed = brought.split_off(3);
        for document in &trashed {
            admin.delete(&format!("/api/documents/{document}")).await.expect(204);
        }
        let trashed_folder = make(&admin, Some(&top), "trashed").await;
        admin.delete(&format!("/api/folders/{trashed_folder}")).await.expect(204);
        let [document, moved, thrown] = brought.try_into().unwrap();
        Self { folder, other, own, document, moved, thrown, trashed_folder, trashed }
    }

    fn path(&self, row: &Row) -> String {
        let path = row.route.split_once(' ').unwrap().1;
        let id = match (row.needs == Needs::Trash, path) {
            (_, path) if path.starts_with("/api/trash/") => &self.trashed[2],
            (true, path) if path.starts_with("/api/folders/") => &self.trashed_folder,
            (true, _) => &self.trashed[1],
            (false, path) if path.starts_with("/api/folders/") => &self.folder,
            (false, _) => &self.document,
        };
        path.replace("{id}", id).replace("{size}", "256")
    }
}

fn expected(row: &Row, role: &str, rights: &[&str]) -> u16 {
    let may = match row.needs {
        Needs::View => rights.contains(&"view"),
        Needs::Download | Needs::DownloadOfEach => rights.contains(&"download"),
        Needs::Manage | Needs::ManageOfEach | Needs::Trash => rights.contains(&"manage"),
        Needs::Admin => role == "admin",
    };
    match (may, rights.contains(&"view")) {
        (true, _) => row.success,
        (false, _) if row.needs == Needs::Admin => 403,
        (false, true) if row.needs != Needs::Trash => 403,
        (false, _) => 404,
    }
}

async fn ask(caller: &Caller, row: &Row, things: &Things) -> u16 {
    let method: Method = row.route.split_once(' ').unwrap().0.parse().unwrap();
    let request = caller.request(method, &things.path(row));
    let told = caller
        .send(match &row.body {
            Body::None => request,
            Body::Query(query) => request.query(&[query(things)]),
            Body::Json(body) => request.json(&body(things)),
            Body::File => request.multipart(form([("c.pdf", pdf("c"))])),
        })
        .await;
    let of_each = matches!(row.needs, Needs::DownloadOfEach | Needs::ManageOfEach);
    if of_each && told.status == 200 {
        // Each document is refused by itself.
        let result = told.json();
        let refused = result["refused"].as_array().unwrap().iter().all(|refused| refused["code"] == "forbidden");
        assert!(refused, "{}: {result}", row.route);
        return if result["done"] == 0 { 403 } else { 200 };
    }
    told.status.as_u16()
}

story!(each_right_opens_the_routes_that_need_it_and_no_others, async |world: World| {
    let (mut wrong, admin) = (Vec::new(), world.caller("admin").await);
    for (username, role, entry, rights) in HELD {
        let user = json!({ "username": username, "displayName": username, "password": PASSWORD, "roles": [role] });
        admin.post("/api/users", &user).await.expect(201);
        let (things, caller) = (Things::new(&world, username, entry).await, world.caller(username).await);
        for row in rows() {
            let (status, expected) = (ask(&caller, &row, &things).await, expected(&row, role, rights));
            if status != expected {
                wrong.push(format!("{username} {}: {status}, not {expected}", row.route));
            }
        }
    }
    world.until_quiet().await;
    assert!(wrong.is_empty(), "{wrong:#?}");
});
