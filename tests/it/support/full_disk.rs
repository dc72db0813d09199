//! Disks without room: under the database of a world, and under a whole process.

use std::process::Command;

use tokio::process::Child;
use yinku::db::{Db, Pools};

use crate::support::database::execute;

/// More pages than any database has.
const ANY: &str = "1073741823";

/// From now on the database has no room for new pages. On PostgreSQL every write fails as the server says it.
pub(crate) async fn fill(db: &Db) {
    match db.pools() {
        // The limit becomes the present size.
        Pools::Sqlite { .. } => limit_pages(db, "1").await,
        Pools::Postgres(_) => {
            execute(
                db,
                [
                    "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
             END $$",
                    "DO $$ DECLARE t text; BEGIN
               FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
                 EXECUTE format('CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON %I EXECUTE FUNCTION no_room()', t);
               END LOOP;
             END $$",
                ],
            )
            .await;
        }
    }
}

pub(crate) async fn make_room(db: &Db) {
    match db.pools() {
        Pools::Sqlite { .. } => limit_pages(db, ANY).await,
        Pools::Postgres(_) => execute(db, ["DROP FUNCTION no_room() CASCADE"]).await,
    }
}

/// Limits the present writer connection, and each that replaces it.
async fn limit_pages(db: &Db, pages: &'static str) {
    let Pools::Sqlite { write, .. } = db.pools() else { unreachable!("SQLite alone has pages") };
    write.set_connect_options(write.connect_options().as_ref().clone().pragma("max_page_count", pages));
    let mut writer = write.acquire().await.unwrap();
    let pragma = format!("PRAGMA max_page_count = {pages}");
    sqlx::query(sqlx::AssertSqlSafe(pragma)).execute(&mut *writer).await.unwrap();
}

/// A line of shell that runs the service so that a file over the limit of [`limit_files`] is an error, not a signal.
pub(crate) const WITHOUT_SIGNAL: &str = r#"trap '' XFSZ; exec "$0" serve"#;

/// From now on the process can write no file beyond `bytes`. It needs no file system of its own, so it works in every
/// container.
pub(crate) fn limit_files(process: &Child, bytes: &str) {
    let pid = process.id().expect("it runs").to_string();
    let limit = format!("--fsize={bytes}:unlimited");
    let done = Command::new("prlimit").args(["--pid", &pid, &limit]).status();
    assert!(done.expect("prlimit of util-linux is here").success(), "the limit is set");
}

/// A line of shell that runs the service with no right to write where modes forbid it. Root has this right otherwise.
pub(crate) fn bound_by_modes() -> &'static str {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout.trim_ascii() == b"0" {
        r#"exec setpriv --bounding-set -dac_override,-dac_read_search "$0" serve"#
    } else {
        r#"exec "$0" serve"#
    }
}
