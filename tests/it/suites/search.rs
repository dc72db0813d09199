//! Documents are found, on every engine and by whatever way is the quickest: each page of each search for each user is
//! compared with a plain filter over what the documents, photos, grants and folders say.

use sqlx::FromRow;
use yinku::{
    clock::Timestamp,
    db::{Db, sql},
    id::{DocumentId, FlowId, FolderId, UserId},
    library::search::{Cursor, Search},
    photo::kind::PhotoKind,
    user::{Role, User},
};

use crate::support::{Engine, database::open, people, story};

/// The text with `{name:…}` replaced by what `meaning` makes of it.
fn replaced(text: &str, name: &str, meaning: impl Fn(&str) -> String) -> String {
    let opening = format!("{{{name}:");
    let mut parts = text.split(&opening);
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (of, rest) = part.split_once('}').unwrap();
        done += &meaning(of);
        done += rest;
    }
    done
}

/// More documents than are gathered by any way (1,000): some ways go through them from the newest on.
async fn fill(db: &Db, owner: &UserId) {
    let all = if db.is_postgres() { "string_agg" } else { "group_concat" };
    let rows = include_str!("search/rows.sql").replace("{owner}", owner.as_str()).replace("{all}", all);
    let rows = replaced(&rows, "n", |count| {
        format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})")
    });
    let rows = replaced(&rows, "id", |of| {
        let (kind, number) = of.split_once(':').unwrap();
        format!("('01930000-0000-7000-800{kind}-' || CAST(100000000000 + {number} AS TEXT))")
    });
    let mut tx = db.begin().await.unwrap();
    for statement in rows.split(";\n").filter(|statement| !statement.trim().is_empty()) {
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
    username: Option<String>,
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
        "SELECT d.id, d.name, d.folder_id, d.flow_id, p.kind, g.seal, g.username, COALESCE(p.received_at, d.created_at) AS received_at,
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
        && search.user.is_none_or_equals(document.username.as_deref())
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

story!(every_page_of_every_search_is_what_a_plain_filter_finds, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    let users = [
        people::user("admin", &[Role::Admin]),
        people::user("keeper", &[Role::Archivist]),
        people::user("many", &[Role::Member]),
        people::user("few", &[Role::Member]),
        people::user("nobody", &[Role::Member]),
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
                let (page, next) = search.documents(&db, user, cursor.as_ref(), 7).await.unwrap();
                assert_eq!(next.is_some(), wanted.len() > from + 7, "{} from {from}: {search:?}", user.username);
                let page: Vec<&DocumentId> = page.iter().map(|document| &document.id).collect();
                let due: Vec<&DocumentId> = wanted.iter().skip(from).take(7).copied().collect();
                assert_eq!(page, due, "{} from {from}: {search:?}", user.username);
                found += page.len();
            }
        }
    }
    assert!(found > 1_000, "{found}");
});

// It would be on nobody's shelf, and found by nothing.
story!(a_row_as_the_version_before_wrote_it_is_refused, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    fill(&db, &UserId::new()).await;
    let mut tx = db.begin().await.unwrap();
    let columns = "folder_id, original_hash, source, flow_id, field_key, position, created_by, created_at";
    let refused = sql(format!(
        "INSERT INTO documents (id, name, {columns}) SELECT 'x', 'x', {columns} FROM documents WHERE name LIKE 'YK-1\\_%' ESCAPE '\\' LIMIT 1"
    ))
    .execute(&mut tx)
    .await;
    let refused = refused.unwrap_err().to_string();
    assert!(["shelf", "received_at"].iter().any(|column| refused.contains(column)), "{refused}");
});
