//! Documents are found, on every engine and in every way: each page of each search for each user is compared with a
//! plain filter over what the flows, documents, photos, grants and folders say.

use sqlx::FromRow;
use yinku::{
    clock::Timestamp,
    curate::reindex,
    db::{Db, sql},
    id::{DocumentId, FlowId, FolderId, UserId},
    library::{
        Space,
        search::{Cursor, MatchCount, Search, Words},
    },
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

/// More flows than a search reads at once (1,000): some searches go through the documents from the newest on.
pub(super) async fn fill(db: &Db, owner: &UserId) {
    let rows = include_str!("search/rows.sql").replace("{owner}", owner.as_str());
    let rows = replaced(&rows, "n", |count| {
        format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})")
    });
    let rows = replaced(&rows, "id", |of| {
        let (kind, number) = of.split_once(':').unwrap();
        // In a millisecond of its own, as ids are.
        format!("('01' || substr(CAST(1000000 + {number} AS TEXT), 2) || '-0000-7000-800{kind}-000000000000')")
    });
    let mut tx = db.begin().await.unwrap();
    for statement in rows.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        sql(statement.to_owned()).execute(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    while reindex::step(db).await.unwrap() {}
}

/// A document, as the rows it comes from tell it.
#[derive(Debug, FromRow)]
struct Plain {
    id: DocumentId,
    name: String,
    /// The words of its flow.
    words: String,
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
        "SELECT d.id, d.name, w.serial_no || ' ' || w.title || ' ' || w.starter || ' ' || (SELECT MAX(x.seal || ' ' || x.user_name || ' ' || x.username)
             FROM grants x JOIN seal_uses u ON u.id = x.seal_use_id WHERE u.flow_id = w.id) AS words, d.folder_id, d.flow_id, p.kind, g.seal, g.username, COALESCE(p.received_at, d.created_at) AS received_at,
           f.space, f.owner, {} AS known_to_many, {} AS known_to_few
         FROM documents d JOIN folders f ON f.id = d.folder_id JOIN flows w ON w.id = d.flow_id LEFT JOIN photos p ON p.id = d.photo_id
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

fn sees(user: &User, document: &Plain) -> bool {
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
    user.reads_all() || (document.kind.as_deref() != Some("face") && (known || on_shelf))
}

fn matches(search: &Search, document: &Plain) -> bool {
    search.folder.as_ref().is_none_or(|folder| *folder == document.folder_id)
        && search.flow.as_ref().is_none_or(|flow| *flow == document.flow_id)
        && search.kind.is_none_or(|kind| Some(kind.as_str()) == document.kind.as_deref())
        && search.seal.is_none_or_equals(document.seal.as_deref())
        && search.user.is_none_or_equals(document.username.as_deref())
        && search.from.is_none_or(|from| document.received_at >= from)
        && search.to.is_none_or(|to| document.received_at < to)
        && search.q.are_in(&[&document.name.to_lowercase(), &document.words.to_lowercase()])
        && search.owing.as_ref().is_none_or(|flows| flows.contains(&document.flow_id))
        && search.space.is_none_or(|space| document.space == space.as_str())
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
    let words = |text: &str| text.parse::<Words>().unwrap();
    let parsed = |kind: u8, number: i64| format!("01{number:06}-0000-7000-800{kind}-000000000000");
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
        Search { user: text("乙"), seal: text("公章"), q: words("abc"), ..any() },
        Search { seal: text("公章"), kind: Some(PhotoKind::Emergency), ..any() },
        Search { q: words("公章"), kind: Some(PhotoKind::Face), ..any() },
        Search { q: words("yk-77_"), from: Some(Timestamp(1)), ..any() },
    ];
    let kinds = [PhotoKind::Face, PhotoKind::Signatory, PhotoKind::Emergency];
    searches.extend(kinds.map(|kind| Search { kind: Some(kind), ..any() }));
    searches.extend(["公章", "旧章", "没有"].map(|seal| Search { seal: text(seal), ..any() }));
    searches.extend(["丙", "乙", "没有"].map(|user| Search { user: text(user), ..any() }));
    searches.push(Search { folder: Some(parsed(7, 0).parse().unwrap()), deep: true, ..any() });
    searches.extend([Space::Public, Space::System].map(|space| Search { space: Some(space), ..any() }));
    let owing = [7, 500, 1999].map(|number| parsed(0, number).parse().unwrap());
    searches.push(Search { owing: Some(owing.into()), ..any() });
    searches.push(Search { owing: Some(Vec::new()), ..any() });
    searches.push(Search { owing: Some(owing_all()), q: words("公章"), ..any() });
    // Rare, common and in none; of one and two characters; across the parts of a name; of the flow and the name together;
    // numbers of every length.
    for q in [
        "公章",
        "旧章",
        "章",
        "没有",
        "没",
        "YK-1999",
        "yk-19",
        "7_公章_",
        "_",
        "%",
        "aBC",
        "公 章",
        "-123_旧",
        "x",
        "1999 丙",
        "abc 旧章 yk",
        "公章 合同章",
        "3999",
        "399",
        "39",
        "9",
        "YK-1500_公章_3000_Abc.jpg",
        "乙 公章",
    ] {
        searches.push(Search { q: words(q), ..any() });
    }
    searches
}

fn owing_all() -> Vec<FlowId> {
    (1..=2000).map(|number| format!("01{number:06}-0000-7000-8000-000000000000").parse().unwrap()).collect()
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
                all.iter().filter(|one| matches(&search, one) && sees(user, one)).map(|one| &one.id).collect();
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
                let counts = from == 0 && !search.q.is_empty();
                let due = i64::try_from(wanted.len()).unwrap();
                let total = if due > 1_000 { MatchCount::AtLeast { at_least: 1_000 } } else { MatchCount::Exact(due) };
                assert_eq!(page.total, counts.then_some(total), "{}: {search:?}", user.username);
                let (page, next) = (page.documents, page.next);
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
