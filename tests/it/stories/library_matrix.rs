//! Every route that takes the id of a folder or a document, asked with each right. The routes come from the OpenAPI
//! document: a new one without a row fails.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use yinku::http;

use super::library_folders::{bring, make};
use crate::support::{
    Caller, World,
    files::{form, pdf},
    people::make_user,
    story,
};

/// What a route needs.
#[derive(Clone, Copy, PartialEq)]
enum Needs {
    View,
    Download,
    Manage,
    /// A thing in the trash: only who manages its place knows it.
    Trash,
}

struct Row {
    route: &'static str,
    needs: Needs,
    body: Body,
    success: u16,
}

enum Body {
    None,
    Json(fn(&Things) -> Value),
    File,
}

/// Each caller has things of its own, so that one answer does not change the next.
struct Things {
    folder: String,
    other: String,
    document: String,
    trashed_folder: String,
    trashed_document: String,
}

const fn row(route: &'static str, needs: Needs, body: Body, success: u16) -> Row {
    Row { route, needs, body, success }
}

fn rows() -> Vec<Row> {
    use Needs::{Download, Manage, Trash, View};
    let none = || Body::None;
    let into = || Body::Json(|things| json!({ "folderId": things.other }));
    vec![
        row("GET /api/folders/{id}", View, none(), 200),
        row("GET /api/folders/{id}/documents", View, none(), 200),
        row("GET /api/folders/{id}/timeline", View, none(), 200),
        row("GET /api/folders/{id}/rights", Manage, none(), 200),
        row("GET /api/folders/{id}/rights/of", Manage, none(), 200),
        row("POST /api/folders/{id}/documents", Manage, Body::File, 201),
        row("PATCH /api/folders/{id}", Manage, Body::Json(|_| json!({ "name": "新" })), 200),
        row("GET /api/documents/{id}", View, none(), 200),
        row("GET /api/documents/{id}/content", Download, none(), 200),
        row("GET /api/documents/{id}/exif", View, none(), 200),
        // A PDF without pages has no thumbnail: the right is asked before.
        row("GET /api/documents/{id}/thumbnail/{size}", View, none(), 404),
        row("PATCH /api/documents/{id}", Manage, Body::Json(|_| json!({ "name": "新.pdf" })), 200),
        row("POST /api/documents/{id}/copy", Download, into(), 201),
        row("POST /api/documents/{id}/restore", Trash, into(), 200),
        row("POST /api/folders/{id}/restore", Trash, Body::Json(|things| json!({ "parentId": things.other })), 200),
        row("DELETE /api/documents/{id}", Manage, none(), 204),
        row("PUT /api/folders/{id}/rights", Manage, Body::Json(|_| json!({ "inherits": true, "entries": [] })), 200),
        row("DELETE /api/folders/{id}", Manage, none(), 204),
    ]
}

/// The routes of the document with the id of a folder or a document in the path.
fn documented() -> BTreeSet<String> {
    let document = serde_json::to_value(http::openapi()).unwrap();
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let of_library = ["/api/folders/{id}", "/api/documents/{id}"].iter().any(|start| path.starts_with(start));
        for method in ["get", "post", "put", "patch", "delete"] {
            if of_library && item.get(method).is_some() {
                routes.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    routes
}

#[test]
fn every_route_of_the_library_has_a_row_of_rights() {
    let rows: BTreeSet<String> = rows().iter().map(|row| row.route.to_owned()).collect();
    assert_eq!(rows, documented());
}

/// The rights of a caller. The last one has none.
const HELD: [(&str, &[&str]); 6] = [
    ("viewer", &["view"]),
    ("loader", &["download"]),
    ("keeper", &["manage"]),
    ("facer", &["faces"]),
    ("both", &["view", "faces"]),
    ("nothing", &[]),
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
        // The caller manages the place where copies go.
        let other = make(&admin, None, &format!("{username} other")).await;
        let managed = json!({ "inherits": false, "entries": [{ "who": format!("user:{username}"), "manage": true }] });
        admin.put(&format!("/api/folders/{other}/rights"), &managed).await.expect(200);
        let [document, trashed_document] = bring(&admin, &folder, &["a.pdf", "b.pdf"]).await.try_into().unwrap();
        admin.delete(&format!("/api/documents/{trashed_document}")).await.expect(204);
        let trashed_folder = make(&admin, Some(&top), "trashed").await;
        admin.delete(&format!("/api/folders/{trashed_folder}")).await.expect(204);
        Self { folder, other, document, trashed_folder, trashed_document }
    }

    fn path(&self, row: &Row) -> String {
        let of_folder = row.route.contains("/folders/");
        let id = match (row.needs == Needs::Trash, of_folder) {
            (true, true) => &self.trashed_folder,
            (true, false) => &self.trashed_document,
            (false, true) => &self.folder,
            (false, false) => &self.document,
        };
        let path = row.route.split_once(' ').unwrap().1.replace("{id}", id).replace("{size}", "256");
        if path.ends_with("/of") { format!("{path}?user=zhang") } else { path }
    }
}

fn expected(row: &Row, rights: &[&str]) -> u16 {
    let manages = rights.contains(&"manage");
    let loads = manages || rights.contains(&"download");
    let views = loads || rights.contains(&"view");
    let may = match row.needs {
        Needs::View => views,
        Needs::Download => loads,
        Needs::Manage | Needs::Trash => manages,
    };
    match (may, views) {
        (true, _) => row.success,
        (false, true) if row.needs != Needs::Trash => 403,
        (false, _) => 404,
    }
}

async fn ask(caller: &Caller, row: &Row, things: &Things) -> u16 {
    let method: Method = row.route.split_once(' ').unwrap().0.parse().unwrap();
    let request = caller.request(method, &things.path(row));
    let request = match &row.body {
        Body::None => request,
        Body::Json(body) => request.json(&body(things)),
        Body::File => request.multipart(form([("c.pdf", pdf("c"))])),
    };
    caller.send(request).await.status.as_u16()
}

story!(each_right_opens_the_routes_that_need_it_and_no_others, async |world: World| {
    let mut wrong = Vec::new();
    for (at, (username, rights)) in HELD.iter().enumerate() {
        let user = json!({ "username": username, "displayName": username, "password": "an uncommon phrase 42", "roles": ["member"] });
        if at == 0 {
            make_user(&world, username, &["member"]).await
        } else {
            world.caller("admin").await.post("/api/users", &user).await.expect(201)
        };
        let (things, caller) = (Things::new(&world, username, rights).await, world.caller(username).await);
        for row in rows() {
            let (status, expected) = (ask(&caller, &row, &things).await, expected(&row, rights));
            if status != expected {
                wrong.push(format!("{username} {}: {status}, not {expected}", row.route));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
});
