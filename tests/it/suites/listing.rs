//! Lists of documents, on every engine and in every way they are read: each page by cursor, by position and around a
//! document, the totals and the days are compared with a plain sort over the rows.

use std::collections::BTreeMap;

use sqlx::FromRow;
use yinku::{
    clock::Timestamp,
    db::{Db, sql},
    id::{DocumentId, FolderId, UserId},
    library::{
        Space,
        folder::Folder,
        listing::{ListTotals, Listing, Start, scope::ListScope, sort::Sort},
        rights::Sight,
        search::Search,
    },
    user::{Role, User},
};

use super::search;
use crate::support::{
    Engine,
    database::{execute, open},
    people, story,
};

const OPEN: &str = "01000000-0000-7000-8007-000000000000";
const CLOSED: &str = "01000003-0000-7000-8007-000000000000";
const SYSTEM: &str = "01000001-0000-7000-8007-000000000000";

/// More documents than a list sorts by itself (20,000), over forty days; some are faces, some lie in a folder with rights
/// of its own, some only their flow shows.
async fn fill(db: &Db, owner: &UserId) {
    search::fill(db, owner).await;
    let day = 86_400_000_000_i64;
    execute(
        db,
        [
            format!(
                "INSERT INTO folders (id, parent, space, owner, name, lineage, shelf, inherits, created_at)
                 VALUES ('{CLOSED}', '{OPEN}', 'public', '', 'closed', '{OPEN}/{CLOSED}/', '{CLOSED}', FALSE, 0)"
            ),
            format!("INSERT INTO shelf_rights (shelf, who, rights) VALUES ('{CLOSED}', 'user:many', 1)"),
            format!(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 21500)
                 INSERT INTO documents (id, folder_id, shelf, name, original_hash, source, kind, received_at, taken_key, name_key,
                   bytes, created_by, created_at)
                 SELECT '02' || substr(CAST(1000000 + i AS TEXT), 2) || '-0000-7000-8001-000000000000',
                   CASE WHEN i % 100 = 0 THEN '{CLOSED}' WHEN i % 100 = 1 THEN '{SYSTEM}' ELSE '{OPEN}' END, 'folder', 'n',
                   CAST(i % 4000 + 1 AS TEXT), 'upload', CASE WHEN i % 50 = 7 THEN 'face' END, i % 40 * {day} + i,
                   CASE WHEN i % 7 = 0 THEN i % 11 * {day} ELSE i % 40 * {day} + i END, 'n' || CAST(i * 31 % 977 AS TEXT), i % 1000,
                   'u', 0 FROM n"
            ),
            "UPDATE documents SET shelf = 'flow' WHERE position % 40 = 1".to_owned(),
            format!("UPDATE documents SET folder_id = '{CLOSED}' WHERE position % 90 = 2"),
            "UPDATE documents SET deleted_at = 1 WHERE position % 60 = 4".to_owned(),
        ],
    )
    .await;
    if db.is_postgres() {
        // As a server does by itself in time.
        execute(db, ["ANALYZE"]).await;
    }
}

#[derive(Debug, FromRow)]
struct Item {
    id: DocumentId,
    folder_id: FolderId,
    shelf: String,
    kind: Option<String>,
    seal: Option<String>,
    name_key: String,
    taken_key: i64,
    received_at: i64,
    bytes: i64,
    space: String,
    owner: String,
    known_to_many: bool,
    known_to_few: bool,
}

async fn items(db: &Db) -> Vec<Item> {
    let known = |who: &str| {
        format!("EXISTS (SELECT 1 FROM flow_people w WHERE w.flow_id = d.flow_id AND w.who = 'user:{who}')")
    };
    sql(format!(
        "SELECT d.id, d.folder_id, d.shelf, d.kind, d.seal, d.name_key, d.taken_key, d.received_at, d.bytes, f.space, f.owner,
           {} AS known_to_many, {} AS known_to_few
         FROM documents d JOIN folders f ON f.id = d.folder_id WHERE d.deleted_at IS NULL",
        known("many"),
        known("few")
    ))
    .all(db)
    .await
    .unwrap()
}

fn by_folder(user: &User, item: &Item) -> bool {
    let shown = match (item.folder_id.as_str(), item.space.as_str()) {
        (CLOSED, _) => user.username == "many",
        (_, "public") => true,
        (_, "system") => false,
        _ => item.owner == user.id.as_str(),
    };
    user.reads_all() || (item.shelf == "folder" && shown)
}

fn sees(user: &User, scope: &ListScope, item: &Item) -> bool {
    let known = match user.username.as_str() {
        "many" => item.known_to_many,
        "few" => item.known_to_few,
        _ => false,
    };
    let place = match scope {
        ListScope::Folder { folder, deep } => {
            folder.id == item.folder_id || *deep && folder.id.as_str() == OPEN && item.folder_id.as_str() == CLOSED
        }
        ListScope::Space { space, owner } => {
            item.space == space.as_str() && item.owner == owner.as_ref().map(UserId::as_str).unwrap_or_default()
        }
        ListScope::All => true,
    };
    let seen = by_folder(user, item) || (known && !scope.is_folder());
    place && seen && (user.reads_all() || item.kind.as_deref() != Some("face"))
}

/// The key of an item in the order, and its id.
fn key<'i>(item: &'i Item, sort: &str) -> (&'i str, i64, &'i str) {
    let id = item.id.as_str();
    match sort.trim_start_matches('-') {
        "name" => (&item.name_key, 0, id),
        "takenAt" => ("", item.taken_key, id),
        "receivedAt" => ("", item.received_at, id),
        _ => ("", item.bytes, id),
    }
}

fn day(time: i64) -> String {
    Timestamp(time).in_china().strftime("%Y-%m-%d").to_string()
}

/// Compares everything that a list tells.
async fn check(db: &Db, listing: &Listing<'_>, sort: &str, wanted: &[&Item], what: &str) {
    let ids = |items: &[&Item]| -> Vec<DocumentId> { items.iter().map(|item| item.id.clone()).collect() };
    let page = async |start: Start| {
        let page = listing.page(db, start, 7).await.unwrap().unwrap();
        (page.items.into_iter().map(|one| one.id).collect::<Vec<_>>(), page.next, page.at)
    };
    let (documents, bytes) = (wanted.len().try_into().unwrap(), wanted.iter().map(|item| item.bytes).sum());
    assert_eq!(listing.totals(db, true).await.unwrap(), Some(ListTotals { documents, bytes }), "{what}");
    let (first, next, at) = page(Start::Top).await;
    assert_eq!((first, at), (ids(&wanted[..wanted.len().min(7)]), Some(0)), "{what}");
    assert_eq!(next.is_some(), wanted.len() > 7, "{what}");
    if let Some(next) = next {
        let (second, _, at) = page(Start::After(next.parse().unwrap())).await;
        assert_eq!((second, at), (ids(&wanted[7..wanted.len().min(14)]), None), "{what}");
    }
    for at in [wanted.len() / 3, wanted.len() * 2 / 3 + 1, wanted.len(), wanted.len() + 9] {
        let (found, ..) = page(Start::At(at.try_into().unwrap())).await;
        let due = &wanted[at.min(wanted.len())..(at + 7).min(wanted.len())];
        assert_eq!(found, ids(due), "{what} at {at}");
        let Some(one) = wanted.get(at) else { continue };
        let begin = at / 7 * 7;
        let (found, _, told) = page(Start::Around(one.id.clone())).await;
        assert_eq!(told, Some(begin.try_into().unwrap()), "{what} around {at}");
        assert_eq!(found, ids(&wanted[begin..(begin + 7).min(wanted.len())]), "{what} around {at}");
    }
    if sort.ends_with("At") {
        let mut days: BTreeMap<String, i64> = BTreeMap::new();
        for item in wanted {
            *days.entry(day(key(item, sort).1)).or_default() += 1;
        }
        let mut days: Vec<(String, i64)> = days.into_iter().collect();
        if sort.starts_with('-') {
            days.reverse();
        }
        let told = listing.timeline(db).await.unwrap();
        let mut at = 0;
        for one in &told {
            assert_eq!(one.at, at, "{what}");
            at += one.documents;
        }
        assert_eq!(told.into_iter().map(|one| (one.day, one.documents)).collect::<Vec<_>>(), days, "{what}");
    }
}

story!(every_list_is_what_a_plain_sort_of_the_rows_gives, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    let users = [
        people::user("admin", &[Role::Admin]),
        people::user("many", &[Role::Member]),
        people::user("few", &[Role::Member]),
    ];
    fill(&db, &users[2].id).await;
    let all = items(&db).await;
    let folder = async |id: &str| Folder::find(&db, &id.parse().unwrap()).await.unwrap().unwrap();
    let (open, closed) = (folder(OPEN).await, folder(CLOSED).await);
    let scopes = [
        ListScope::All,
        ListScope::Space { space: Space::Public, owner: None },
        ListScope::Space { space: Space::System, owner: None },
        ListScope::Space { space: Space::Personal, owner: Some(users[2].id.clone()) },
        ListScope::Folder { folder: open.clone(), deep: true },
        ListScope::Folder { folder: open, deep: false },
        ListScope::Folder { folder: closed, deep: true },
    ];
    let lists = [
        ("-receivedAt", None),
        ("takenAt", None),
        ("name", None),
        ("-bytes", None),
        ("-receivedAt", Some("公章")),
        ("-name", Some("旧章")),
    ];
    let mut read = 0;
    for user in &users {
        let sight = Sight::of(&db, user).await.unwrap();
        for scope in &scopes {
            let seen: Vec<&Item> = all.iter().filter(|item| sees(user, scope, item)).collect();
            // A folder that the user may not see is no place of a list.
            if matches!(scope, ListScope::Folder { folder, .. } if folder.id.as_str() == CLOSED) && seen.is_empty() {
                continue;
            }
            // One user has every order, the others the usual ones.
            let orders = if user.username == "many" { lists.len() } else { 2 };
            for (sort, seal) in lists.into_iter().take(orders) {
                let of_seal = |item: &&&Item| seal.is_none() || item.seal.as_deref() == seal;
                let mut wanted: Vec<&Item> = seen.iter().filter(of_seal).copied().collect();
                wanted.sort_by(|one, other| key(one, sort).cmp(&key(other, sort)));
                if sort.starts_with('-') {
                    wanted.reverse();
                }
                let filters = Search { seal: seal.map(str::to_owned), ..Search::default() };
                let order: Sort = sort.parse().unwrap();
                let listing = Listing::open(&db, scope.clone(), filters, order, &sight).await.unwrap();
                let what = format!("{} {scope:?} {sort} {seal:?}", user.username);
                check(&db, &listing, sort, &wanted, &what).await;
                read += wanted.len();
            }
        }
    }
    assert!(read > 100_000, "{read}");
    // The days and totals follow when all documents go.
    execute(&db, ["DELETE FROM documents WHERE flow_id IS NULL", "UPDATE documents SET deleted_at = 1"]).await;
    for statement in ["SELECT COUNT(*) FROM folder_days", "SELECT COUNT(*) FROM folder_totals"] {
        let rows: i64 = sql(statement).scalar(&db).await.unwrap();
        let left: i64 =
            sql(format!("{statement} WHERE documents <> 0 OR faces <> 0 OR hidden <> 0")).scalar(&db).await.unwrap();
        assert!(rows > 0 && left == 0, "{statement}: {rows}, {left}");
    }
});

story!(a_search_stops_after_20_000_documents_and_its_cursor_leads_on, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    let admin = people::user("admin", &[Role::Admin]);
    fill(&db, &UserId::new()).await;
    // No index knows the type, and the oldest documents alone have it.
    let rare = "UPDATE originals SET mime = 'image/heic' WHERE hash IN (SELECT original_hash FROM documents WHERE name LIKE 'YK-1%9_Abc.jpg')";
    execute(&db, [rare, "UPDATE documents SET original_hash = '1' WHERE name = 'n'"]).await;
    let search = Search { mime: "image/heic".parse().ok(), ..Search::default() };
    let first = search.documents(&db, &admin, None, 50).await.unwrap();
    let stop = first.next.unwrap();
    assert_eq!(first.documents.len(), 0, "the newest 20,000 have none");
    let second = search.documents(&db, &admin, Some(&stop), 50).await.unwrap();
    assert_eq!(second.documents.len(), 50);
    assert!(second.documents.iter().all(|document| document.mime == "image/heic"));
});
