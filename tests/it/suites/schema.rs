//! Both engines have one schema: the same tables, columns, keys and indexes.

use yinku::{
    config::{DatabaseConfig, DatabaseUrl},
    db::{Db, sql},
};

use crate::support::{
    Engine,
    database::{execute, open},
};

/// Of each table: the place, name, type, nullability and default of each column.
const COLUMNS: [&str; 2] = [
    "SELECT t.name || '.' || c.name || ' ' || c.cid || ' ' || replace(lower(c.type), 'blob', 'bytea')
       || CASE WHEN c.\"notnull\" THEN ' not null' ELSE '' END || COALESCE(' default ' || lower(c.dflt_value), '')
     FROM sqlite_master t JOIN pragma_table_info(t.name) c
     WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> '_sqlx_migrations'",
    "SELECT t.relname || '.' || a.attname || ' ' || a.attnum - 1 || ' ' || format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
       || COALESCE(' default ' || lower(pg_get_expr(d.adbin, d.adrelid)), '')
     FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0
     LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
     WHERE t.relkind = 'r' AND t.relnamespace = 'public'::regnamespace AND t.relname <> '_sqlx_migrations'",
];

/// Of each index: its columns, whether it is unique, whether it is partial, and its name if the schema gives it one.
const INDEXES: [&str; 2] = [
    "SELECT t.name || ' (' || (SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))
       || ')' || CASE WHEN i.\"unique\" THEN ' unique' ELSE '' END || CASE WHEN i.partial THEN ' partial' ELSE '' END
       || CASE i.origin WHEN 'c' THEN ' ' || i.name ELSE '' END
     FROM sqlite_master t JOIN pragma_index_list(t.name) i
     WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> '_sqlx_migrations'",
    "SELECT t.relname || ' (' || replace((SELECT string_agg(pg_get_indexdef(i.indexrelid, n, TRUE), ',' ORDER BY n)
         FROM generate_series(1, i.indnkeyatts) n), '\"', '')
       || ')' || CASE WHEN i.indisunique THEN ' unique' ELSE '' END
       || CASE WHEN i.indpred IS NOT NULL THEN ' partial' ELSE '' END
       || CASE WHEN EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid AND contype IN ('p', 'u')) THEN ''
          ELSE ' ' || x.relname END
     FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
     WHERE t.relnamespace = 'public'::regnamespace AND t.relname <> '_sqlx_migrations'",
];

/// Of each foreign key: what refers to what.
const FOREIGN_KEYS: [&str; 2] = [
    "SELECT t.name || '.' || k.\"from\" || ' -> ' || k.\"table\" || '.' || k.\"to\"
     FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) k WHERE t.type = 'table'",
    "SELECT t.relname || '.' || a.attname || ' -> ' || r.relname || '.' || b.attname
     FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid
     CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS c (here, there)
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.here
     JOIN pg_attribute b ON b.attrelid = r.oid AND b.attnum = c.there
     WHERE k.contype = 'f'",
];

async fn lines(db: &Db, statement: &'static str) -> Vec<String> {
    let mut lines: Vec<String> = sql(statement).scalars(db).await.unwrap();
    lines.sort();
    lines
}

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_keys_and_indexes() {
    let (sqlite, _dir) = open(Engine::Sqlite).await;
    let (postgres, _other) = open(Engine::Postgres).await;
    for ([on_sqlite, on_postgres], known) in [
        (COLUMNS, "flow_people.turn 7 boolean not null default false"),
        (INDEXES, "jobs (run_at,id) partial jobs_to_run"),
        (FOREIGN_KEYS, "flows.version -> definition_versions.version"),
    ] {
        let lines = [lines(&sqlite, on_sqlite).await, lines(&postgres, on_postgres).await];
        assert!(lines[0].iter().any(|line| line == known), "{:#?}", lines[0]);
        let only = |here: usize, there: usize| {
            lines[here].iter().filter(|line| !lines[there].contains(line)).collect::<Vec<_>>()
        };
        assert_eq!((only(0, 1), only(1, 0)), (vec![], vec![]), "on SQLite alone, on PostgreSQL alone");
        assert_eq!(lines[0], lines[1], "as many of each");
    }
}

/// The program and SQLite order texts by their bytes. A server has the order of its own language otherwise.
#[tokio::test]
async fn on_postgres_texts_are_ordered_by_their_bytes_whatever_the_language_of_the_database() {
    let server = std::env::var("YINKU_TEST_PG").unwrap();
    let name = format!("t{}", uuid::Uuid::now_v7().simple());
    let admin = sqlx::PgPool::connect(&server).await.unwrap();
    let create = format!("CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'");
    sqlx::query(sqlx::AssertSqlSafe(create)).execute(&admin).await.unwrap();
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path(&name);
    let db = Db::open(&DatabaseConfig { url: DatabaseUrl::Postgres(url), max_connections: 3 }).await.unwrap();
    let language: bool = sql("SELECT 'a' < 'B'").scalar(&db).await.unwrap();
    assert!(language, "this database orders by language");

    let others = "SELECT c.table_name || '.' || c.column_name FROM information_schema.columns c
         WHERE c.table_schema = 'public' AND c.table_name <> '_sqlx_migrations' AND c.data_type = 'text'
           AND c.collation_name IS DISTINCT FROM 'C'";
    assert_eq!(sql(others).scalars::<String>(&db).await.unwrap(), Vec::<String>::new(), "write TEXT COLLATE \"C\"");
    let mut days = ["B", "a", "é", "用", "Z", "b", "_", "10", "9"].map(str::to_owned).to_vec();
    let rows = days.iter().map(|day| format!("INSERT INTO serial_numbers (day, last) VALUES ('{day}', 1)"));
    execute(&db, rows.collect::<Vec<_>>()).await;
    let ordered: Vec<String> = sql("SELECT day FROM serial_numbers ORDER BY day").scalars(&db).await.unwrap();
    days.sort();
    assert_eq!(ordered, days, "as the program orders them");
}
