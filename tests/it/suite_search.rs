//! Documents are found, on every engine and by whatever way is the quickest: each page of each search for each user is
//! compared with a plain filter over what the documents, photos, grants and folders say.

use sqlx::FromRow;
use yinku::{
    clock::Timestamp,
    db::{Db, sql},
    document::search::{Cursor, Search},
    id::{DocumentId, FlowId, FolderId, UserId},
    photo::kind::PhotoKind,
    user::{Role, Roles, User},
};

use crate::{
    stories::on_both_engines,
    suite_db::{NOW, open},
    world::Engine,
};

on_both_engines!(every_page_of_every_search_is_what_a_plain_filter_finds);

/// More than are gathered by any way (1,000): some ways go through the documents from the newest on.
const DOCUMENTS: i64 = 6_000;
const FOLDERS: [(&str, &str); 3] = [("public", ""), ("system", ""), ("personal", "few")];

fn id(kind: u8, number: &str) -> String {
    format!("'01930000-0000-7000-800{kind}-' || CAST(100000000000 + {number} AS TEXT)")
}

async fn fill(db: &Db, owner: &UserId) {
    let numbers =
        |count: i64| format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})");
    let flows = DOCUMENTS / 2;
    let (flow, of_flow) = (id(0, "i"), id(0, "((i + 1) / 2)"));
    let (photo, grant, seal_use) = (id(1, "i"), id(2, "((i + 1) / 2)"), id(3, "((i + 1) / 2)"));
    let kind = "CASE WHEN i % 5 = 0 THEN 'face' WHEN i % 1000 = 3 THEN 'emergency' ELSE 'signatory' END";
    let seal = "CASE WHEN i % 400 = 7 THEN '旧章' WHEN i % 3 = 0 THEN '合同章' ELSE '公章' END";
    let person = "CASE WHEN i % 2 = 0 THEN '甲' WHEN i % 300 = 1 THEN '乙' ELSE '丙' END";
    let folder = "CASE WHEN ((i + 1) / 2) % 5 = 0 THEN 0 WHEN ((i + 1) / 2) % 50 = 1 THEN 2 ELSE 1 END";
    // In no order of the ids, and several at one time.
    let at = "(i * 7919) % 1499";
    let has_photo = "i % 7 <> 0";
    let statements = [
        format!("INSERT INTO definitions (id, name, version, created_at) VALUES ({}, '用印', 1, 0)", id(9, "1")),
        format!(
            "INSERT INTO definition_versions (definition_id, version, body, created_at, created_by) VALUES ({}, 1, '{{}}', 0, 'u')",
            id(9, "1")
        ),
        format!(
            "INSERT INTO services (id, name, base_url, app_token, app_secret, sign_mode, created_at)
             VALUES ({}, '契约锁', 'http://127.0.0.1:1', 't', 's', 'legacy', 0)",
            id(8, "1")
        ),
        format!(
            "{} INSERT INTO flows (id, serial_no, definition_id, version, title, starter, state, form, created_at, updated_at)
             SELECT {flow}, 'YK-' || CAST(i AS TEXT), {}, 1, 't', 'u', 'archived', '{{}}', 0, 0 FROM n",
            numbers(flows),
            id(9, "1")
        ),
        format!(
            "{} INSERT INTO seal_uses (id, flow_id, service_id, no, serial_no, status, application, created_at)
             SELECT {}, {flow}, {}, 1, 'YK-' || CAST(i AS TEXT), 'complete', '{{}}', 0 FROM n",
            numbers(flows),
            id(3, "i"),
            id(8, "1")
        ),
        format!(
            "{} INSERT INTO grants (id, seal_use_id, vendor_id, position, seal, user_name, applied, used, left_count, complete)
             SELECT {}, {}, CAST(i AS TEXT), 0, {seal}, {person}, 1, 1, 0, TRUE FROM n",
            numbers(flows),
            id(2, "i"),
            id(3, "i")
        ),
        format!(
            "{} INSERT INTO originals (hash, sha256, crc32, bytes, mime, ext, complete, store_key, created_at)
             SELECT CAST(i AS TEXT), 's', 1, 1, 'image/jpeg', 'jpg', TRUE, 'k' || CAST(i AS TEXT), 0 FROM n",
            numbers(DOCUMENTS)
        ),
        format!(
            "{} INSERT INTO photos (id, seal_use_id, photokey, kind, grant_id, source, position, state, original_hash, no, received_at, created_at)
             SELECT {photo}, {seal_use}, CAST(i AS TEXT), {kind}, {grant}, 'key', i, 'done', CAST(i AS TEXT), i, {at}, 0 FROM n WHERE {has_photo}",
            numbers(DOCUMENTS)
        ),
        FOLDERS
            .iter()
            .enumerate()
            .map(|(n, (space, name))| {
                let owner = if *space == "personal" { owner.as_str() } else { "" };
                format!(
                    "INSERT INTO folders (id, parent, space, owner, name, created_at) VALUES ({}, '', '{space}', '{owner}', 'f{name}', 0);",
                    id(7, &n.to_string())
                )
            })
            .collect(),
        format!(
            "{} INSERT INTO documents (id, folder_id, shelf, name, original_hash, source, flow_id, field_key, position, photo_id, kind, seal,
               user_name, received_at, created_by, created_at, deleted_at)
             SELECT {photo}, {}, CASE {folder} WHEN 0 THEN 'public' WHEN 1 THEN 'system' ELSE '{owner}' END,
               'YK-' || CAST((i + 1) / 2 AS TEXT) || '_' || COALESCE(g.seal, '扫描') || '_' || CAST(i AS TEXT) || '_Abc.jpg',
               CAST(i AS TEXT), 'photo', {of_flow}, 'photos', i, p.id, p.kind, g.seal, g.user_name, {at}, 'yinku', {at},
               CASE WHEN i % 97 = 0 THEN 1 END
             FROM n LEFT JOIN photos p ON p.id = {photo} LEFT JOIN grants g ON g.id = p.grant_id",
            numbers(DOCUMENTS),
            id(7, folder)
        ),
        format!(
            "{} INSERT INTO flow_people (flow_id, who) SELECT {flow}, 'user:many' FROM n WHERE i % 4 <> 0",
            numbers(flows)
        ),
        format!(
            "{} INSERT INTO flow_people (flow_id, who) SELECT {flow}, 'user:few' FROM n WHERE i % 500 = 1",
            numbers(flows)
        ),
        match db {
            Db::Sqlite { .. } => "INSERT INTO document_words SELECT flow_id, group_concat(lower(name), ' ') FROM documents GROUP BY 1",
            Db::Postgres(_) => "INSERT INTO document_words SELECT flow_id, string_agg(lower(name), ' ') FROM documents GROUP BY 1",
        }
        .to_owned(),
    ];
    let mut tx = db.begin().await.unwrap();
    for statement in statements.iter().flat_map(|statements| statements.split_terminator(';')) {
        sql(statement.to_owned()).execute(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// A document, as the rows it comes from tell it.
#[derive(Debug, FromRow)]
struct Plain {
    id: DocumentId,
    name: String,
    folder_id: FolderId,
    flow_id: FlowId,
    kind: Option<String>,
    seal: Option<String>,
    user_name: Option<String>,
    received_at: Timestamp,
    space: String,
    owner: String,
    known_to_many: bool,
    known_to_few: bool,
}

async fn plain(db: &Db) -> Vec<Plain> {
    let known = |who: &str| {
        format!("EXISTS (SELECT 1 FROM flow_people w WHERE w.flow_id = d.flow_id AND w.who = 'user:{who}')")
    };
    let mut all: Vec<Plain> = sql(format!(
        "SELECT d.id, d.name, d.folder_id, d.flow_id, p.kind, g.seal, g.user_name, COALESCE(p.received_at, d.created_at) AS received_at,
           f.space, f.owner, {} AS known_to_many, {} AS known_to_few
         FROM documents d JOIN folders f ON f.id = d.folder_id LEFT JOIN photos p ON p.id = d.photo_id
         LEFT JOIN grants g ON g.id = p.grant_id WHERE d.deleted_at IS NULL",
        known("many"),
        known("few")
    ))
    .all(db)
    .await
    .unwrap();
    all.sort_by(|a, b| (b.received_at, &b.id).cmp(&(a.received_at, &a.id)));
    all
}

fn sees(user: &User, document: &Plain, search: &Search) -> bool {
    let known = match user.username.as_str() {
        "many" => document.known_to_many,
        "few" => document.known_to_few,
        _ => false,
    };
    let on_shelf = match document.space.as_str() {
        "public" => true,
        "system" => user.has(Role::Archivist),
        _ => document.owner == user.id.as_str(),
    };
    user.reads_all() || (document.kind.as_deref() != Some("face") && (search.folder.is_some() || known || on_shelf))
}

fn matches(search: &Search, document: &Plain) -> bool {
    search.folder.as_ref().is_none_or(|folder| *folder == document.folder_id)
        && search.flow.as_ref().is_none_or(|flow| *flow == document.flow_id)
        && search.kind.is_none_or(|kind| Some(kind.as_str()) == document.kind.as_deref())
        && search.seal.is_none_or_equals(document.seal.as_deref())
        && search.user.is_none_or_equals(document.user_name.as_deref())
        && search.from.is_none_or(|from| document.received_at >= from)
        && search.to.is_none_or(|to| document.received_at < to)
        && search.q.as_ref().is_none_or(|q| document.name.to_lowercase().contains(&q.to_lowercase()))
}

trait Wanted {
    fn is_none_or_equals(&self, value: Option<&str>) -> bool;
}

impl Wanted for Option<String> {
    fn is_none_or_equals(&self, value: Option<&str>) -> bool {
        self.is_none() || self.as_deref() == value
    }
}

fn user(username: &str, role: Role) -> User {
    User {
        id: UserId::new(),
        username: username.into(),
        display_name: username.into(),
        roles: Roles(vec![role]),
        employee_no: None,
        mobile: None,
        manager: None,
        disabled: false,
        created_at: NOW,
    }
}

fn searches() -> Vec<Search> {
    let any = Search::default;
    let text = |text: &str| Some(text.to_owned());
    let parsed = |kind, number: i64| format!("01930000-0000-7000-800{kind}-{}", 100_000_000_000 + number);
    let mut searches = vec![
        any(),
        Search { folder: Some(parsed(7, 0).parse().unwrap()), ..any() },
        Search { folder: Some(parsed(7, 1).parse().unwrap()), ..any() },
        Search { flow: Some(parsed(0, 500).parse().unwrap()), ..any() },
        Search { flow: Some(parsed(0, 501).parse().unwrap()), ..any() },
        Search { from: Some(Timestamp(1490)), ..any() },
        Search { to: Some(Timestamp(9)), ..any() },
        Search { from: Some(Timestamp(700)), to: Some(Timestamp(720)), seal: text("公章"), ..any() },
        Search { user: text("丙"), seal: text("公章"), kind: Some(PhotoKind::Signatory), ..any() },
        Search { user: text("乙"), seal: text("公章"), q: text("abc"), ..any() },
        Search { seal: text("公章"), kind: Some(PhotoKind::Emergency), ..any() },
        Search { q: text("公章"), kind: Some(PhotoKind::Face), ..any() },
        Search { q: text("yk-77_"), from: Some(Timestamp(1)), ..any() },
    ];
    let kinds = [PhotoKind::Face, PhotoKind::Signatory, PhotoKind::Emergency];
    searches.extend(kinds.map(|kind| Search { kind: Some(kind), ..any() }));
    searches.extend(["公章", "旧章", "没有"].map(|seal| Search { seal: text(seal), ..any() }));
    searches.extend(["丙", "乙", "没有"].map(|user| Search { user: text(user), ..any() }));
    for q in ["公章", "旧章", "章", "没有", "YK-2999", "yk-29", "7_公章_", "_", "%", "aBC", "公 章", "-123_旧"]
    {
        searches.push(Search { q: text(q), ..any() });
    }
    searches
}

async fn every_page_of_every_search_is_what_a_plain_filter_finds(engine: Engine) {
    let (db, _dir) = open(engine).await;
    let users = [
        user("admin", Role::Admin),
        user("keeper", Role::Archivist),
        user("many", Role::Member),
        user("few", Role::Member),
        user("nobody", Role::Member),
    ];
    fill(&db, &users[3].id).await;
    let all = plain(&db).await;
    let mut found = 0;
    for search in searches() {
        for user in &users {
            let wanted: Vec<&DocumentId> =
                all.iter().filter(|one| matches(&search, one) && sees(user, one, &search)).map(|one| &one.id).collect();
            // Some pages from the first on, and one far behind.
            let far = wanted.len() / 2;
            for from in [0, 7, 14, far] {
                let after = from.checked_sub(1).and_then(|last| wanted.get(last));
                if from > 0 && after.is_none() {
                    continue;
                }
                let cursor = after.map(|last| {
                    let at = all.iter().find(|one| one.id == **last).unwrap().received_at.0;
                    format!("{at}.{last}").parse::<Cursor>().unwrap()
                });
                let page = search.documents(&db, user, cursor.as_ref(), 7).await.unwrap();
                let page: Vec<&DocumentId> = page.iter().map(|document| &document.id).collect();
                let due: Vec<&DocumentId> = wanted.iter().skip(from).take(7).copied().collect();
                assert_eq!(page, due, "{} from {from}: {search:?}", user.username);
                found += page.len();
            }
        }
    }
    assert!(found > 1_000, "{found}");
}
