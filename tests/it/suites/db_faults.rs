//! What a failed statement leaves: nothing of its transaction, and a connection that works.

use yinku::{
    db::{Db, DbError, outage, sql},
    outage::Outage,
};

use crate::support::{
    Engine,
    database::open,
    full_disk::{fill, make_room},
    story,
};

const ADD: &str = "INSERT INTO serial_numbers (day, last) VALUES ($1, 1)";

/// Writes a row of 100 KB.
async fn write(db: &Db, day: &str) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    sql(ADD).bind(day).execute(&mut tx).await?;
    sql(ADD).bind(format!("{day} {}", "x".repeat(100_000))).execute(&mut tx).await?;
    tx.commit().await
}

story!(a_database_without_room_works_again_when_it_has_room, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    db.check_write().await.unwrap();
    fill(&db).await;
    for _ in 0..3 {
        let error = match engine {
            Engine::Sqlite => write(&db, "1").await.unwrap_err(),
            // A row of this size does not fit into its index.
            Engine::Postgres => db.check_write().await.unwrap_err(),
        };
        assert_eq!(outage(&error), Some(Outage::NoSpace), "{error}");
    }
    let rows = async || sql("SELECT COUNT(*) FROM serial_numbers").scalar::<i64>(&db).await.unwrap();
    assert_eq!(rows().await, 0, "reads go on, and nothing of a failed transaction is here");
    make_room(&db).await;
    let mut tx = db.begin().await.unwrap();
    sql(ADD).bind("2").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(rows().await, 1);
});

/// SQLite would go on with the file that has no name any more, and lose it at the next start.
#[tokio::test]
async fn a_database_file_that_was_taken_away_takes_no_write() {
    let (db, dir) = open(Engine::Sqlite).await;
    let path = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let path = path.into_iter().find(|path| path.extension().is_some_and(|ext| ext == "db")).unwrap();
    let aside = path.with_extension("aside");
    std::fs::rename(&path, &aside).unwrap();
    let error = db.check_write().await.unwrap_err();
    assert!(error.to_string().contains("was taken away"), "{error}");
    assert!(outage(&error).is_some());
    std::fs::copy(&aside, &path).unwrap();
    assert!(db.check_write().await.is_err(), "a copy is another file");
    std::fs::rename(&aside, &path).unwrap();
    db.check_write().await.unwrap();
}

// SQLite may have ended the transaction: then each later statement would be committed alone.
story!(after_a_failed_statement_its_transaction_takes_no_other, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    let mut tx = db.begin().await.unwrap();
    sql(ADD).bind("1").execute(&mut tx).await.unwrap();
    sql(ADD).bind("1").execute(&mut tx).await.unwrap_err();
    let refused = sql(ADD).bind("2").execute(&mut tx).await.unwrap_err();
    assert!(refused.to_string().contains("an earlier statement of this transaction failed"), "{refused}");
    tx.commit().await.unwrap_err();
    assert_eq!(sql("SELECT COUNT(*) FROM serial_numbers").scalar::<i64>(&db).await.unwrap(), 0);

    let mut tx = db.begin().await.unwrap();
    let none = sql("SELECT day FROM serial_numbers").scalar::<String>(&mut tx).await;
    assert!(matches!(none, Err(DbError::RowNotFound)), "no row is no failure");
    sql(ADD).bind("3").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
});
