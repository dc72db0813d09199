//! The audit log's chain on every engine: it is append-only, and whatever is done to its rows shows.

use std::time::Duration;

use yinku::{
    audit::{
        self, Act, AuditEntry, AuditSearch, NewEntry,
        chain::{Link, NOTHING},
        journal::{Journal, JournalError},
        verify::{Break, Noted, Report, verify},
    },
    clock::Timestamp,
    db::{Db, sql},
    id::FlowId,
};

use crate::support::{
    Engine,
    database::{NOW, execute, open},
    story,
};

/// Entries 1 to `count`, each in a transaction of its own.
async fn write(db: &Db, count: i64) {
    for n in 1..=count {
        let mut tx = db.begin().await.unwrap();
        record(&mut tx, n).await;
        tx.commit().await.unwrap();
    }
}

async fn record(tx: &mut yinku::db::Tx, n: i64) {
    let detail = format!("同意 {n}");
    let entry = NewEntry::new("li", Act::FlowApproved, "a flow").detail(&detail);
    audit::record(tx, entry, Timestamp(NOW.0 + n)).await.unwrap();
}

async fn all(db: &Db) -> Vec<AuditEntry> {
    let mut entries = AuditEntry::list(db, &AuditSearch::default(), None, 100_000).await.unwrap();
    entries.reverse();
    entries
}

fn sound(entries: i64, head: &str) -> Report {
    Report { ok: true, entries, head: head.to_owned(), broken: None }
}

story!(entries_are_chained_and_a_transaction_that_is_dropped_leaves_no_gap, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    assert_eq!(verify(&db, None).await.unwrap(), sound(0, NOTHING));
    write(&db, 2).await;
    let mut dropped = db.begin().await.unwrap();
    record(&mut dropped, 3).await;
    drop(dropped);
    let mut tx = db.begin().await.unwrap();
    let flow = FlowId::new();
    let entry = NewEntry::to_flow("nul\0", Act::FlowSubmitted, &flow);
    audit::record(&mut tx, entry, NOW).await.unwrap();
    record(&mut tx, 4).await;
    tx.commit().await.unwrap();

    let entries = all(&db).await;
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(entries[0].prev, NOTHING);
    assert!(entries.windows(2).all(|pair| pair[1].prev == pair[0].hash));
    let third = &entries[2];
    assert_eq!((third.username.as_str(), third.act.as_str(), third.at), ("nul\u{fffd}", "flow_submitted", NOW));
    assert_eq!((&third.flow_id, &third.detail, third.subject.as_str()), (&Some(flow.clone()), &None, flow.as_str()));
    assert_eq!(verify(&db, None).await.unwrap(), sound(4, &entries[3].hash));
});

story!(entries_are_found_by_who_what_which_and_when, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    let (one, other) = (FlowId::new(), FlowId::new());
    let mut tx = db.begin().await.unwrap();
    for (n, (username, act, flow)) in
        [("li", Act::FlowApproved, &one), ("wang", Act::SealCodeViewed, &one), ("li", Act::FlowApproved, &other)]
            .into_iter()
            .enumerate()
    {
        let entry = NewEntry::to_flow(username, act, flow);
        audit::record(&mut tx, entry, Timestamp(i64::try_from(n).unwrap())).await.unwrap();
    }
    tx.commit().await.unwrap();
    let found = async |search: AuditSearch, after: Option<i64>, limit: i64| -> Vec<i64> {
        AuditEntry::list(&db, &search, after, limit).await.unwrap().into_iter().map(|entry| entry.seq).collect()
    };
    let any = AuditSearch::default;
    assert_eq!(found(any(), None, 2).await, [3, 2]);
    assert_eq!(found(any(), Some(2), 2).await, [1]);
    assert_eq!(found(AuditSearch { username: Some("li".into()), ..any() }, None, 9).await, [3, 1]);
    assert_eq!(found(AuditSearch { act: Some("seal_code_viewed".into()), ..any() }, None, 9).await, [2]);
    assert_eq!(found(AuditSearch { flow: Some(one.clone()), ..any() }, None, 9).await, [2, 1]);
    assert_eq!(found(AuditSearch { subject: Some(other.to_string()), ..any() }, None, 9).await, [3]);
    assert_eq!(found(AuditSearch { from: Some(Timestamp(1)), to: Some(Timestamp(2)), ..any() }, None, 9).await, [2]);
    let several = AuditSearch { username: Some("li".into()), flow: Some(one), from: Some(Timestamp(0)), ..any() };
    assert_eq!(found(several, Some(3), 9).await, [1]);
});

story!(an_entry_cannot_be_changed_deleted_or_replaced, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    write(&db, 3).await;
    let before = all(&db).await;
    let mut forbidden = vec![
        "UPDATE audit SET username = 'nobody' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 3",
        "UPDATE audit_head SET seq = seq - 1",
        "DELETE FROM audit_head",
    ];
    forbidden.extend(match engine {
        Engine::Sqlite => [
            "INSERT OR REPLACE INTO audit SELECT seq, at, 'nobody', act, subject, flow_id, detail, peer, via, prev, hash FROM audit WHERE seq = 2",
            "INSERT OR REPLACE INTO audit_head VALUES (1, 0, '')",
        ],
        Engine::Postgres => ["TRUNCATE audit", "TRUNCATE audit_head"],
    });
    for statement in forbidden {
        let mut tx = db.begin().await.unwrap();
        let refused = sql(statement).execute(&mut tx).await.expect_err(statement);
        assert!(refused.to_string().contains("append-only"), "{statement}: {refused}");
        drop(tx);
    }
    assert_eq!(all(&db).await, before);
    assert_eq!(verify(&db, None).await.unwrap(), sound(3, &before[2].hash));
});

/// Takes the guards away, as somebody with the database in hand can.
async fn take_guards_away(engine: Engine, db: &Db) {
    let guards: Vec<String> = match engine {
        Engine::Sqlite => {
            sql("SELECT 'DROP TRIGGER ' || name FROM sqlite_schema WHERE type = 'trigger'").scalars(db).await
        }
        Engine::Postgres => sql(
            "SELECT 'DROP TRIGGER ' || tgname || ' ON ' || tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal",
        )
        .scalars(db)
        .await,
    }
    .unwrap();
    assert!(guards.len() >= 5, "{guards:?}");
    execute(db, guards).await;
}

/// What somebody does to the rows of a chain of twelve; where it shows, and as what.
fn tampering(written_anew: &AuditEntry, last_anew: &AuditEntry) -> Vec<(Vec<String>, i64, Break)> {
    let one = |statement: &str| vec![statement.to_owned()];
    let anew = |kept: &AuditEntry| {
        let AuditEntry { seq, username, hash, .. } = kept;
        vec![format!("UPDATE audit SET username = '{username}', hash = '{hash}' WHERE seq = {seq}")]
    };
    vec![
        (one("UPDATE audit SET username = 'nobody' WHERE seq = 5"), 5, Break::ChangedRow),
        (one("UPDATE audit SET at = at + 1 WHERE seq = 1"), 1, Break::ChangedRow),
        (one("UPDATE audit SET detail = NULL WHERE seq = 12"), 12, Break::ChangedRow),
        (one("UPDATE audit SET prev = hash WHERE seq = 7"), 7, Break::ChangedRow),
        (one("UPDATE audit SET flow_id = '' WHERE seq = 7"), 7, Break::ChangedRow),
        (one("DELETE FROM audit WHERE seq = 5"), 5, Break::MissingRow),
        (one("DELETE FROM audit WHERE seq = 1"), 1, Break::MissingRow),
        (one("DELETE FROM audit WHERE seq > 9"), 10, Break::CutTail),
        (one("DELETE FROM audit"), 1, Break::CutTail),
        (
            ["SET seq = -4 WHERE seq = 4", "SET seq = 4 WHERE seq = 8", "SET seq = 8 WHERE seq = -4"]
                .map(|change| format!("UPDATE audit {change}"))
                .to_vec(),
            4,
            Break::ReorderedRows,
        ),
        (anew(written_anew), written_anew.seq + 1, Break::BrokenLink),
        (anew(last_anew), last_anew.seq, Break::WrongHead),
        (one("UPDATE audit_head SET seq = 11, hash = (SELECT hash FROM audit WHERE seq = 11)"), 12, Break::WrongHead),
        (one("UPDATE audit_head SET seq = 13"), 13, Break::CutTail),
        (one("DELETE FROM audit_head"), 1, Break::WrongHead),
    ]
}

story!(whatever_is_done_to_the_rows_shows, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    write(&db, 12).await;
    let entries = all(&db).await;
    let anew = |n: usize| {
        let changed = AuditEntry { username: "nobody".into(), ..entries[n - 1].clone() };
        AuditEntry { hash: Link::of(&changed).hash(), ..changed }
    };
    take_guards_away(engine, &db).await;
    let spare = ["CREATE TABLE spare AS SELECT * FROM audit", "CREATE TABLE spare_head AS SELECT * FROM audit_head"];
    execute(&db, spare).await;
    for (statements, first_broken, why) in tampering(&anew(5), &anew(12)) {
        let what = statements.join("; ");
        execute(&db, statements).await;
        let report = verify(&db, None).await.unwrap();
        let broken = report.broken.unwrap_or_else(|| panic!("not seen: {what}"));
        assert_eq!((broken.first_broken, broken.why), (first_broken, why), "{what}: {}", broken.detail);
        assert!(!report.ok && report.entries <= first_broken, "{what}");
        let restored = [
            "DELETE FROM audit",
            "INSERT INTO audit SELECT * FROM spare",
            "DELETE FROM audit_head",
            "INSERT INTO audit_head SELECT * FROM spare_head",
        ];
        execute(&db, restored).await;
        assert_eq!(verify(&db, None).await.unwrap(), sound(12, &entries[11].hash));
    }
});

story!(a_noted_head_finds_out_who_wrote_the_end_anew, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    write(&db, 5).await;
    let head = verify(&db, None).await.unwrap().head;
    write(&db, 3).await;
    let entries = all(&db).await;
    let note = |text: &str| text.parse::<Noted>().unwrap();
    let broken = async |text: &str| {
        let report = verify(&db, Some(&note(text))).await.unwrap();
        assert_eq!(report.ok, report.broken.is_none());
        report.broken.map(|broken| (broken.first_broken, broken.why))
    };
    let numbered = format!("5:{head}");
    for good in [&head, &numbered, &format!("8:{}", entries[7].hash), &format!("0:{NOTHING}")] {
        assert_eq!(broken(good).await, None, "{good}");
    }
    assert_eq!(broken(&format!("6:{head}")).await, Some((6, Break::NotedHead)));
    assert_eq!(broken(&"ab".repeat(32)).await, Some((9, Break::NotedHead)));

    // Whoever cuts the end off and puts the head right is not seen without a note.
    take_guards_away(engine, &db).await;
    let spare = ["CREATE TABLE spare AS SELECT * FROM audit WHERE seq > 4"];
    let set_head = |seq: i64, hash: &str| format!("UPDATE audit_head SET seq = {seq}, hash = '{hash}'");
    execute(&db, spare).await;
    execute(&db, ["DELETE FROM audit WHERE seq > 4".to_owned(), set_head(4, &entries[3].hash)]).await;
    assert!(verify(&db, None).await.unwrap().ok);
    assert_eq!(broken(&numbered).await, Some((5, Break::NotedHead)));
    assert_eq!(broken(&head).await, Some((5, Break::NotedHead)));
    assert_eq!(broken(&format!("4:{}", entries[3].hash)).await, None, "what was noted before the cut still holds");

    // Nor who writes an entry and everything after it anew.
    let mut anew = vec!["INSERT INTO audit SELECT * FROM spare".to_owned()];
    let mut prev = entries[3].hash.clone();
    for kept in &entries[4..] {
        let changed = AuditEntry { username: "nobody".into(), prev, ..kept.clone() };
        let hash = Link::of(&changed).hash();
        let (seq, prev_hash) = (changed.seq, &changed.prev);
        anew.push(format!(
            "UPDATE audit SET username = 'nobody', prev = '{prev_hash}', hash = '{hash}' WHERE seq = {seq}"
        ));
        prev = hash;
    }
    anew.push(set_head(8, &prev));
    execute(&db, anew).await;
    assert_eq!(verify(&db, None).await.unwrap(), sound(8, &prev));
    assert_eq!(broken(&numbered).await, Some((5, Break::NotedHead)));
    assert_eq!(broken(&head).await, Some((9, Break::NotedHead)));
});

story!(a_long_chain_is_proven_page_by_page, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    let mut tx = db.begin().await.unwrap();
    for n in 1..=2100 {
        record(&mut tx, n).await;
    }
    tx.commit().await.unwrap();
    let report = verify(&db, None).await.unwrap();
    assert_eq!((report.ok, report.entries), (true, 2100));
    take_guards_away(engine, &db).await;
    execute(&db, ["DELETE FROM audit WHERE seq = 2001"]).await;
    let report = verify(&db, None).await.unwrap();
    assert_eq!(
        (report.entries, report.broken.map(|b| (b.first_broken, b.why))),
        (2000, Some((2001, Break::MissingRow)))
    );
});

story!(eight_writers_at_once_leave_one_chain_without_gaps, async |engine: Engine| {
    const EACH: i64 = 25;
    let (db, _dir) = open(engine).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let db = db.clone();
        writers.spawn(async move {
            for n in 0..EACH {
                let mut tx = db.begin().await.unwrap();
                record(&mut tx, writer * EACH + n).await;
                // Every fifth act comes to nothing.
                if n % 5 == 4 { drop(tx) } else { tx.commit().await.unwrap() }
            }
        });
    }
    writers.join_all().await;
    let entries = all(&db).await;
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), (1..=8 * 20).collect::<Vec<_>>());
    assert_eq!(verify(&db, None).await.unwrap(), sound(160, &entries[159].hash));
});

story!(a_full_journal_says_so_and_keeps_what_it_took, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    let journal = Journal::start(db.clone(), 1);
    let entry = NewEntry::new("zhao", Act::DocumentDownloaded, "a document");
    let mut held = db.begin().await.unwrap();
    record(&mut held, 1).await;
    let mut taken = 0;
    let refused = loop {
        // Who hangs up has still been written down.
        match tokio::time::timeout(Duration::from_millis(50), journal.write(entry, NOW)).await {
            Err(_) => taken += 1,
            Ok(answer) => break answer.unwrap_err(),
        }
    };
    assert!(matches!(refused, JournalError::Full), "{refused}");
    assert!((1..=3).contains(&taken), "the queue has its bound: {taken}");
    held.commit().await.unwrap();
    let mut writes = tokio::task::JoinSet::new();
    loop {
        match journal.write(entry, NOW).await {
            Ok(()) => break,
            Err(JournalError::Full) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
    let journal = Journal::start(db.clone(), 1000);
    for _ in 0..600 {
        let journal = journal.clone();
        writes.spawn(async move { journal.write(entry, NOW).await });
    }
    writes.join_all().await.into_iter().for_each(Result::unwrap);
    let report = verify(&db, None).await.unwrap();
    assert_eq!((report.ok, report.entries), (true, 1 + taken + 1 + 600));
});
