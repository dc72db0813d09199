//! Rows of 100,000 flows as they are after a year, made in the database: five photos, one seal use, three callbacks and
//! five entries of the audit log each, four hundred and fifty thousand documents in one folder.
//!
//! 70 % are archived, 20 % with the operators, 6 % with 李四, 3 % withdrawn, 1 % sent back to their starters. Most are
//! seen by everybody who works with seals, which is the worst for lists.

use serde_json::{Value, json};
use yinku::{
    curate::reindex,
    db::{Db, DbError, Pools, Tx, sql},
};

const FLOWS: i64 = 100_000;

pub(super) const DEFINITION: &str = "01930000-0000-7000-8003-000000000001";
pub(super) const SELDOM: &str = "01930000-0000-7000-8003-000000000002";
/// The folders in which nearly all documents are: one that everybody sees, one of the system space.
pub(super) const PUBLIC: &str = "01930000-0000-7000-8004-000000000001";
pub(super) const ARCHIVE: &str = "01930000-0000-7000-8004-000000000002";

const BODY: &str = r#"{"name":"物理用印申请","fields":[{"key":"subject","label":"用印主题","type":"text"},{"key":"photos","label":"用印图片","type":"files"}],"nodes":[{"key":"manager","name":"部门审批","kind":"approval","assignees":["user:li"]},{"key":"seal","name":"用印","kind":"seal","assignees":["role:operator"]}]}"#;
const FORM: &str = r#"{"subject":"采购合同","company":"上海印库科技有限公司","seals":[{"seal":"QYS2019040001","count":3,"users":["wang"]},{"seal":"QYS2019040002","count":3,"users":["wang"]}],"description":"一份用于测量列表快慢的申请，内容与真实的申请差不多长，因为表单存放在流程的行里"}"#;

pub(super) fn flow_id(i: i64) -> String {
    format!("01{i:06}-0000-7000-8000-000000000000")
}

/// SQL for an id of one kind of rows. Each number has a millisecond of its own, as ids have.
fn id(kind: u8, number: &str) -> String {
    format!("'01' || substr(CAST(1000000 + {number} AS TEXT), 2) || '-0000-7000-800{kind}-000000000000'")
}

/// Half past midnight on the first day of 2026 and every five minutes after it.
const AT: &str = "(1767198600000000 + i * CAST(300000000 AS BIGINT))";
const SERIAL: &str = "'YK20260101-' || substr(CAST(1000000 + i AS TEXT), 2)";

pub(super) async fn fill(db: &Db) -> anyhow::Result<()> {
    let postgres = db.is_postgres();
    let mut tx = db.begin().await?;
    if !postgres {
        sql("PRAGMA cache_size = -400000").execute(&mut tx).await?;
    }
    people(&mut tx).await?;
    tx.commit().await?;
    let hash = |letter: char| {
        let number = if postgres { "lpad(to_hex(i), 7, '0')" } else { "printf('%07x', i)" };
        format!("'{letter}' || {number} || '{}'", "0".repeat(56))
    };
    for (rows, table, columns, values) in tables(&hash) {
        let mut tx = db.begin().await?;
        if postgres && table != "documents" {
            // Nothing is looked up that is known to be there.
            sql("SET LOCAL session_replication_role = replica").execute(&mut tx).await?;
        }
        sql(format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO {table} ({columns}) SELECT {values}"
        ))
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
    }
    let mut tx = db.begin().await?;
    sql("UPDATE audit_head SET seq = (SELECT MAX(seq) FROM audit)").execute(&mut tx).await?;
    tx.commit().await?;
    while reindex::step(db).await? {}
    if let Pools::Postgres(pool) = db.pools() {
        // What a server does by itself in time.
        sqlx::query("VACUUM ANALYZE").execute(pool).await?;
    }
    Ok(())
}

/// Whom the service asks.
pub(super) async fn bind(db: &Db, vendor: std::net::SocketAddr) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    sql("UPDATE services SET base_url = $1").bind(format!("http://{vendor}")).execute(&mut tx).await?;
    tx.commit().await
}

pub(super) async fn counted(db: &Db) -> Result<Value, DbError> {
    let mut counted = json!({});
    for table in ["flows", "flow_people", "seal_uses", "documents", "callbacks", "audit"] {
        counted[table] = sql(format!("SELECT COUNT(*) FROM {table}")).scalar::<i64>(db).await?.into();
    }
    Ok(counted)
}

/// Five hundred members, of whom twenty stamp; five others; two hundred definitions; a thousand folders.
async fn people(tx: &mut Tx) -> Result<(), DbError> {
    let members = format!(
        "INSERT INTO users (id, username, username_folded, display_name, password_hash, roles, employee_no, created_at)
         SELECT {}, 'u' || CAST(i AS TEXT), 'u' || CAST(i AS TEXT), '员工', 'x', '[\"member\"]', 'E' || CAST(i AS TEXT), 0 FROM n",
        id(1, "i")
    );
    let folders = format!(
        "INSERT INTO folders (id, parent, space, owner, name, lineage, shelf, created_at)
         SELECT {0}, '{PUBLIC}', 'public', '', '项目' || CAST(i AS TEXT), '{PUBLIC}/' || {0} || '/', 'public', 0 FROM n",
        id(4, "i")
    );
    let definitions = "INSERT INTO definitions (id, name, version, created_at)
         SELECT '01930000-0000-7000-8003-' || substr(CAST(1000000000000 + i AS TEXT), 2), '物理用印申请', 1, 0 FROM n";
    for (rows, insert) in [(500, members.as_str()), (200, definitions)] {
        let numbers = format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})");
        sql(format!("{numbers} {insert}")).execute(&mut *tx).await?;
    }
    sql("INSERT INTO definition_versions (definition_id, version, body, created_at, created_by) SELECT id, 1, $1, 0, 'admin' FROM definitions")
        .bind(BODY)
        .execute(&mut *tx)
        .await?;
    for (n, (username, role)) in
        [("admin", "admin"), ("sun", "auditor"), ("wang", "operator"), ("li", "member"), ("zhao", "archivist")]
            .into_iter()
            .enumerate()
    {
        sql("INSERT INTO users (id, username, username_folded, display_name, password_hash, roles, created_at) VALUES ($1, $2, $2, $2, 'x', $3, 0)")
            .bind(format!("01930000-0000-7000-8002-00000000000{n}"))
            .bind(username)
            .bind(format!("[\"{role}\"]"))
            .execute(&mut *tx)
            .await?;
    }
    for (id, space, name) in [(PUBLIC, "public", "用印"), (ARCHIVE, "system", "系统知识库-电子签")] {
        sql("INSERT INTO folders (id, parent, space, owner, name, lineage, shelf, created_at) VALUES ($1, '', $2, '', $3, $1 || '/', $2, 0)")
            .bind(id)
            .bind(space)
            .bind(name)
            .execute(&mut *tx)
            .await?;
    }
    let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)";
    sql(format!("{numbers} {folders}")).execute(&mut *tx).await?;
    sql("INSERT INTO services (id, name, base_url, app_token, app_secret, sign_mode, created_at)
         VALUES ('01930000-0000-7000-8009-000000000001', '契约锁', 'http://127.0.0.1:1', 't', 'clear:s', 'legacy', 0)")
    .execute(&mut *tx)
    .await?;
    Ok(())
}

type Table = (i64, &'static str, &'static str, String);

/// Rows, name, columns and values of each table; `i` counts from 1.
fn tables(hash: &dyn Fn(char) -> String) -> Vec<Table> {
    let mut tables = vec![flows(), seal_uses(), grants()];
    tables.extend(flow_people());
    tables.extend(around());
    tables.extend(photos(hash));
    tables
}

fn flows() -> Table {
    let title =
        "CASE WHEN i % 25000 = 13 THEN '尽职调查报告' WHEN i % 2 = 0 THEN '采购合同' ELSE '关于授权委托的请示' END
         || '（第' || CAST(i AS TEXT) || '号）上海印库科技有限公司分公司'";
    let columns =
        "id, list_key, serial_no, definition_id, version, title, starter, state, node, form, created_at, updated_at";
    let values = format!(
        "{0}, {0}, {SERIAL}, CASE WHEN i % 1000 = 0 THEN '{SELDOM}' ELSE '{DEFINITION}' END, 1, {title},
           'u' || CAST(1 + i % 500 AS TEXT),
           CASE WHEN i % 100 < 70 THEN 'archived' WHEN i % 100 < 96 THEN 'running' WHEN i % 100 < 99 THEN 'withdrawn' ELSE 'rejected' END,
           CASE WHEN i % 100 < 70 THEN NULL WHEN i % 100 < 90 THEN 'seal' WHEN i % 100 < 99 THEN 'manager' ELSE 'start' END,
           '{FORM}', {AT}, {AT} FROM n",
        id(0, "i")
    );
    (FLOWS, "flows", columns, values)
}

fn seal_uses() -> Table {
    let columns = "id, flow_id, service_id, no, serial_no, business_id, status, application, created_at";
    let values = format!(
        "{}, {}, '01930000-0000-7000-8009-000000000001', 1, {SERIAL} || '-1', CAST(1000000 + i AS TEXT),
           CASE WHEN i % 100 < 70 THEN 'complete' ELSE 'using' END, '{{}}', {AT} FROM n WHERE i % 100 < 90",
        id(5, "i"),
        id(0, "i")
    );
    (FLOWS, "seal_uses", columns, values)
}

/// Of one in a hundred a photo is owed.
fn grants() -> Table {
    let columns =
        "id, seal_use_id, vendor_id, position, seal, user_name, username, number, applied, used, left_count, complete";
    let values = format!(
        "{}, {}, CAST(i AS TEXT), 0, CASE WHEN i % 10000 = 7 THEN '旧章' WHEN i % 3 = 0 THEN '合同专用章' ELSE '公章' END,
           '用印人' || CAST(1 + i % 20 AS TEXT), '用印人' || CAST(1 + i % 20 AS TEXT), 'E' || CAST(1 + i % 20 AS TEXT), 5, CASE WHEN i % 100 = 1 THEN 5 ELSE 4 END, 1, FALSE
         FROM n WHERE i % 100 < 90",
        id(7, "i"),
        id(5, "i")
    );
    (FLOWS, "grants", columns, values)
}

fn flow_people() -> Vec<Table> {
    let columns = "flow_id, list_key, who, state, definition_id, started, acted, turn, place";
    [
        ("'user:' || starter", "TRUE", "FALSE", "state = 'rejected'", "TRUE"),
        (
            "'user:li'",
            "FALSE",
            "COALESCE(node <> 'manager', TRUE)",
            "COALESCE(node = 'manager', FALSE) AND state = 'running'",
            "TRUE",
        ),
        ("'role:operator'", "FALSE", "FALSE", "COALESCE(node = 'seal', FALSE)", "TRUE"),
        ("'user:wang'", "FALSE", "state = 'archived'", "FALSE", "TRUE"),
        ("'user:zhao'", "FALSE", "TRUE", "FALSE", "serial_no LIKE '%777'"),
    ]
    .into_iter()
    .map(|(who, started, acted, turn, when)| {
        let values = format!(
            "id, list_key, {who}, state, definition_id, {started}, {acted}, {turn}, CASE WHEN {turn} THEN 0 END FROM flows WHERE {when}"
        );
        (1, "flow_people", columns, values)
    })
    .collect()
}

/// Events, ingests, callbacks, the audit log.
fn around() -> Vec<Table> {
    let nothing = "0".repeat(64);
    vec![
        (
            6 * FLOWS,
            "flow_events",
            "id, flow_id, at, actor, act",
            format!("{}, {}, i, 'li', 'approved' FROM n", id(8, "i"), id(0, "((i + 5) / 6)")),
        ),
        (
            FLOWS,
            "ingests",
            "id, seal_use_id, cause, state, woken_at, created_at, updated_at",
            format!(
                "{}, {}, 'callback', CASE WHEN i % 5000 = 2 THEN 'failed' WHEN i % 100 = 1 THEN 'waiting' ELSE 'done' END,
                   {AT}, {AT}, {AT} FROM n WHERE i % 100 < 90",
                id(5, "i"),
                id(5, "i")
            ),
        ),
        (
            3 * FLOWS,
            "callbacks",
            "id, received_at, authenticated, peer, query, body_bytes, body_sha256, shape, images, digest, params, state, seal_use_id",
            format!(
                "{}, i, TRUE, '127.0.0.1', '', 200, '{nothing}', 'P1', 0, CAST(i AS TEXT), '[[\"businessId\",[\"1\"]],[\"status\",[\"COMPLETE\"]]]',
                   CASE WHEN i % 1000 = 0 THEN 'orphan' WHEN i % 10000 = 1 THEN 'pending' ELSE 'done' END, {} FROM n
                 WHERE ((i + 2) / 3) % 100 < 90",
                id(5, "i"),
                id(5, "((i + 2) / 3)")
            ),
        ),
        (
            5 * FLOWS,
            "audit",
            "seq, at, username, act, subject, flow_id, prev, hash",
            format!(
                "i, 1767198600000000 + i * CAST(60000000 AS BIGINT),
                   CASE i % 5 WHEN 1 THEN 'u' || CAST(1 + i % 500 AS TEXT) WHEN 2 THEN 'li' WHEN 0 THEN 'zhao' ELSE 'wang' END,
                   CASE i % 5 WHEN 1 THEN 'flow_submitted' WHEN 2 THEN 'flow_approved' WHEN 0 THEN 'document_downloaded' ELSE 'seal_code_viewed' END,
                   {0}, {0}, '{nothing}', '{nothing}' FROM n",
                id(0, "((i + 4) / 5)")
            ),
        ),
    ]
}

/// Five photos of each seal use, a scanned file of every fourth flow.
fn photos(hash: &dyn Fn(char) -> String) -> Vec<Table> {
    let (photo, scan) = (hash('0'), hash('f'));
    let flow = "((i + 4) / 5)";
    let with_use = format!("{flow} % 100 < 90");
    let serial = format!("'YK20260101-' || substr(CAST(1000000 + {flow} AS TEXT), 2)");
    let at = format!("(1767198600000000 + {flow} * CAST(300000000 AS BIGINT))");
    let kind = "CASE WHEN i % 100000 = 3 THEN 'emergency' WHEN i % 5 = 0 THEN 'face' ELSE 'signatory' END";
    let seal =
        format!("CASE WHEN {flow} % 10000 = 7 THEN '旧章' WHEN {flow} % 3 = 0 THEN '合同专用章' ELSE '公章' END");
    let folder = format!("CASE WHEN {flow} % 10 = 0 THEN '{PUBLIC}' ELSE '{ARCHIVE}' END");
    let person = format!("'用印人' || CAST(1 + {flow} % 20 AS TEXT)");
    let original = "hash, sha256, crc32, bytes, mime, ext, width, height, complete, store_key, created_at, checked_at";
    let of_photo = |hash: &str| {
        format!("{hash}, {hash}, 1, 1900000, 'image/jpeg', 'jpg', 3000, 2250, TRUE, 'originals/' || {hash}, {at}, {at}")
    };
    let document = "id, folder_id, shelf, name, original_hash, source, flow_id, field_key, position, photo_id, kind, seal, user_name, username,
       received_at, taken_key, name_key, bytes, created_by, created_at";
    vec![
        (5 * FLOWS, "originals", original, format!("{} FROM n WHERE {with_use}", of_photo(&photo))),
        (
            5 * FLOWS,
            "photos",
            "id, seal_use_id, photokey, kind, grant_id, source, position, state, original_hash, no, received_at, created_at, confirmation",
            format!(
                "{}, {}, 'k' || CAST(i AS TEXT), {kind}, {}, 'key', i % 5, 'done', {photo}, 1 + i % 5, {at}, {at}, 'confirmed' FROM n WHERE {with_use}",
                id(6, "i"),
                id(5, flow),
                id(7, flow)
            ),
        ),
        (
            5 * FLOWS,
            "documents",
            document,
            format!(
                "{}, {folder}, 'folder', {serial} || '_' || {seal} || '_00' || CAST(1 + i % 5 AS TEXT) || '_20260409-091853_' || {kind} || '.jpg',
                   {photo}, 'photo', {}, 'photos', i % 5, {}, {kind}, {seal}, {person}, {person}, {at}, {at}, {serial} || '_' || {seal} || '_' || CAST(i % 5 AS TEXT), 1900000, 'yinku', {at} FROM n WHERE {with_use}",
                id(6, "i"),
                id(0, flow),
                id(6, "i")
            ),
        ),
        (FLOWS, "originals", original, format!("{} FROM n WHERE i % 4 = 0", of_photo(&scan))),
        (
            FLOWS,
            "documents",
            document,
            format!(
                "{}, '{ARCHIVE}', 'folder', '盖章扫描件-' || CAST(i AS TEXT) || '.pdf', {scan}, 'upload', {}, 'stamped', 9, NULL,
                   NULL, NULL, NULL, NULL, {AT}, {AT}, '盖章扫描件-' || CAST(i AS TEXT), 1900000, 'wang', {AT}
                 FROM n WHERE i % 4 = 0",
                id(9, "i"),
                id(0, "i")
            ),
        ),
    ]
}
