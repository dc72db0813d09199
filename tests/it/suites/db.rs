//! What every engine must do the same way: one suite, run on both.

use std::{collections::HashSet, time::Duration};

use simulator::{Fault, FaultKind, Target};
use yinku::{
    clock::{Clock, Timestamp},
    config::DatabaseConfig,
    db::{Db, DbError, sql},
    queue::{self, FenceError, JobKind, Next, Patience, Waits},
    seal_use::{
        SealUse,
        ingest::{self, Trigger},
    },
    user::{Role, Roles, User},
};

use crate::support::{
    Caller, Engine, World, callbacks,
    database::{NOW, database, open},
    people,
    seals::until_status,
    story, story_on_postgres,
    until::within,
};

story!(values_come_back_as_they_were_bound, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    let row: (String, i64, bool, Vec<u8>, Option<String>, Timestamp) = sql("SELECT $1, $2, $3, $4, $5, $6")
        .bind("用印图片 '; DROP TABLE flows; --")
        .bind(i64::MIN)
        .bind(true)
        .bind(vec![0_u8, 255])
        .bind(None::<String>)
        .bind(NOW)
        .one(&db)
        .await
        .unwrap();
    let text = "用印图片 '; DROP TABLE flows; --".to_owned();
    assert_eq!(row, (text, i64::MIN, true, vec![0, 255], None, NOW));
    let without_nul: String = sql("SELECT $1").bind("a\0b").scalar(&db).await.unwrap();
    assert_eq!(without_nul, "a\u{fffd}b", "the same on both engines");
    let database_now: i64 = sql("SELECT {now}").scalar(&db).await.unwrap();
    let apart = (database_now - Clock::System.now().0).abs();
    assert!(apart < 60_000_000, "the database's clock is in microseconds: {database_now}");
    assert!(matches!(sql("SELECT id FROM flows").scalar::<String>(&db).await, Err(DbError::RowNotFound)));
});

fn user(name: &str) -> User {
    User { mobile: Some("13800000000".into()), ..people::user(name, &[Role::Member, Role::Auditor]) }
}

story!(a_dropped_transaction_leaves_nothing, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    let mut tx = db.begin().await.unwrap();
    user("chen").insert("x", &mut tx).await.unwrap();
    drop(tx);
    let mut tx = db.begin().await.unwrap();
    user("lin").insert("x", &mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert!(User::named(&db, "chen").await.unwrap().is_none());
    let lin = User::named(&db, "lin").await.unwrap().unwrap();
    assert_eq!((lin.roles, lin.mobile.as_deref()), (Roles(vec![Role::Member, Role::Auditor]), Some("13800000000")));
});

story!(a_taken_name_is_a_unique_violation, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    let mut tx = db.begin().await.unwrap();
    user("chen").insert("x", &mut tx).await.unwrap();
    match user("chen").insert("x", &mut tx).await {
        Err(DbError::Database(error)) => assert!(error.is_unique_violation()),
        other => panic!("{other:?}"),
    }
});

story!(eight_workers_claim_each_job_once, async |engine: Engine| {
    const JOBS: usize = 60;
    let (db, _dir) = open(engine).await;
    let mut tx = db.begin().await.unwrap();
    for n in 0..JOBS {
        queue::wake(&mut tx, JobKind::Ingest, &n.to_string(), NOW, NOW).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut workers = tokio::task::JoinSet::new();
    for n in 0..8 {
        let db = db.clone();
        workers.spawn(async move {
            let mut mine = Vec::new();
            while let Some(lease) = queue::claim(&db, &n.to_string(), Duration::from_mins(1), NOW).await.unwrap() {
                mine.push(lease.subject);
            }
            mine
        });
    }
    let claimed: Vec<String> = workers.join_all().await.concat();
    assert_eq!(claimed.len(), JOBS);
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), JOBS);
});

story!(a_lost_lease_can_write_nothing, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    wake(&db, "a").await;
    // The lease ends at once, by the database's clock.
    let first = queue::claim(&db, "one", Duration::ZERO, NOW).await.unwrap().unwrap();
    let second = within("the first lease has ended", async {
        loop {
            if let Some(lease) = queue::claim(&db, "two", Duration::from_mins(1), NOW).await.unwrap() {
                break lease;
            }
        }
    })
    .await;
    assert!(matches!(first.prolong(&db, Duration::from_mins(1)).await, Err(FenceError::LeaseLost(_))));
    assert!(matches!(first.finish(&db, Next::Idle, NOW, Duration::ZERO).await, Err(FenceError::LeaseLost(_))));
    second.finish(&db, Next::Idle, NOW, Duration::ZERO).await.unwrap();
    assert!(queue::claim(&db, "three", Duration::from_mins(1), NOW).await.unwrap().is_none());
});

async fn wake(db: &Db, subject: &str) {
    let mut tx = db.begin().await.unwrap();
    queue::wake(&mut tx, JobKind::Ingest, subject, NOW, NOW).await.unwrap();
    tx.commit().await.unwrap();
}

story!(a_wake_during_a_run_causes_one_more, async |engine: Engine| {
    let (db, _dir) = open(engine).await;
    wake(&db, "a").await;
    let lease = queue::claim(&db, "w", Duration::from_mins(1), NOW).await.unwrap().unwrap();
    for _ in 0..3 {
        wake(&db, "a").await;
    }
    lease.finish(&db, Next::Idle, NOW, Duration::ZERO).await.unwrap();
    let again = queue::claim(&db, "w", Duration::from_mins(1), NOW).await.unwrap().unwrap();
    again.finish(&db, Next::Idle, NOW, Duration::ZERO).await.unwrap();
    assert!(queue::claim(&db, "w", Duration::from_mins(1), NOW).await.unwrap().is_none(), "three wakes, one more run");
});

#[tokio::test]
async fn on_sqlite_a_write_outside_a_transaction_is_refused() {
    let (db, _dir) = open(Engine::Sqlite).await;
    let refused = sql("DELETE FROM users").execute(&db).await.unwrap_err();
    assert!(refused.to_string().contains("readonly"), "{refused}");
}

#[tokio::test]
async fn a_postgres_that_forgets_what_it_acknowledged_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let yinku::config::DatabaseUrl::Postgres(mut url) = database(Engine::Postgres, dir.path()).await else {
        panic!("a PostgreSQL URL");
    };
    url.query_pairs_mut().append_pair("options", "-csynchronous_commit=off");
    let config = DatabaseConfig { url: yinku::config::DatabaseUrl::Postgres(url), max_connections: 2 };
    let refused = Db::open(&config).await.unwrap_err();
    assert!(refused.to_string().contains("synchronous_commit"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_transaction_begins_though_the_connections_have_just_died() {
    let (db, _dir) = open(Engine::Postgres).await;
    let others = "pid <> pg_backend_pid() AND datname = current_database()";
    // Three at once, so that three connections wait for their next use.
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(db.begin().await.unwrap());
    }
    let mut operator = held.pop().unwrap();
    for tx in held {
        tx.commit().await.unwrap();
    }
    let killed: Vec<bool> = sql(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
        .scalars(&mut operator)
        .await
        .unwrap();
    assert!(killed.len() >= 2 && killed.iter().all(|killed| *killed), "{killed:?}");
    for _ in 0..3 {
        let mut tx = db.begin().await.unwrap();
        sql("SELECT 1::BIGINT").scalar::<i64>(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// A hang-up drops a request's future anywhere, also inside `begin`: sqlx 0.9.0 then gives the connection, with the
/// transaction open, to the next one, whose acknowledged write nobody ever commits.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_an_acknowledged_write_survives_a_hung_up_neighbour() {
    const WRITES: u64 = 60;
    let dir = tempfile::tempdir().unwrap();
    let config = DatabaseConfig { url: database(Engine::Postgres, dir.path()).await, max_connections: 1 };
    let db = Db::open(&config).await.unwrap();
    for n in 0..WRITES {
        // Dropped a little later each time, so that some are dropped while BEGIN is on its way.
        let _ = tokio::time::timeout(Duration::from_micros(n * 5), db.begin()).await;
        sql("INSERT INTO serial_numbers (day, last) VALUES ($1, 1)").bind(n.to_string()).execute(&db).await.unwrap();
    }
    db.close().await;
    let kept: i64 = sql("SELECT COUNT(*) FROM serial_numbers").scalar(&Db::open(&config).await.unwrap()).await.unwrap();
    assert_eq!(kept, i64::try_from(WRITES).unwrap());
}

// A pass holds its job and changes the seal use; a group of callbacks refers to that seal use and wakes that job.
story_on_postgres!(
    on_postgres_a_callback_and_a_pass_that_learns_the_business_wait_in_one_order,
    async |world: World| {
        world.sim.set_fault(Fault::times(Target::Apply, FaultKind::Cut, 1));
        let flow = world.start_flow(1).await;
        world.approve(&flow).await;
        let seal_use = until_status(&world, &flow, "unknown").await;
        let mut pass = world.app.db.begin().await.unwrap();
        ingest::wake(&mut pass, &seal_use.id, Trigger::Poll, NOW, NOW).await.unwrap();
        let callback = tokio::spawn({
            let caller = Caller::nobody(&world);
            let path = format!("{}?businessId=7&sealUse={}", callbacks::PATH, seal_use.id);
            async move { caller.post(&path, &serde_json::json!({})).await.status }
        });
        world
        .until("the callback waits for the job", async || {
            world.count("SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()").await > 0
        })
        .await;
        SealUse::applied(&mut pass, &seal_use.id, "7").await.unwrap();
        pass.commit().await.unwrap();
        assert_eq!(callback.await.unwrap(), 200);
        world.leaves_parked("apply", "this pass is not the ingest, which would clear the job");
    }
);

// A pass writes the originals of its photos and holds their flow; so does an upload.
story_on_postgres!(on_postgres_a_pass_that_waits_for_an_original_does_not_hold_the_flow, async |world: World| {
    let (flow, _, business) = world.seal_use(1).await;
    let mut upload = world.app.db.begin().await.unwrap();
    sql("LOCK TABLE originals IN SHARE ROW EXCLUSIVE MODE").execute(&mut upload).await.unwrap();
    world.sim.stamp(&business, 0).await.unwrap();
    world
        .until("the pass waits for the originals", async || {
            world.count("SELECT COUNT(*) FROM pg_locks WHERE relation = 'originals'::regclass AND NOT granted").await
                > 0
        })
        .await;
    let held = sql("SELECT id FROM flows FOR NO KEY UPDATE NOWAIT").execute(&mut upload).await;
    held.expect("nobody waits in a circle");
    upload.commit().await.unwrap();
    world.until_archived(&flow).await;
});

/// Callbacks come in storms: they wait for no run, and yet its lease stays its own until it has written. Whoever writes
/// what runs write waits.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_only_callbacks_wake_a_job_while_its_run_writes() {
    let (db, _dir) = open(Engine::Postgres).await;
    wake(&db, "a").await;
    // The lease ends at once: only what the run writes keeps others from it.
    let lease = queue::claim(&db, "one", Duration::ZERO, NOW).await.unwrap().unwrap();
    let mut run = db.begin().await.unwrap();
    lease.fence(&mut run).await.unwrap();
    let mut callbacks = db.begin().await.unwrap();
    let wakes = [("a", Patience::Rest)];
    let woken = queue::wake_all(&mut callbacks, JobKind::Ingest, &wakes, Waits::ForNobody, NOW, NOW);
    tokio::time::timeout(Duration::from_secs(20), woken).await.expect("it does not wait for the run").unwrap();
    callbacks.commit().await.unwrap();
    assert!(queue::claim(&db, "two", Duration::from_mins(1), NOW).await.unwrap().is_none(), "its run is writing");
    let person = tokio::spawn({
        let db = db.clone();
        async move { wake(&db, "a").await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!person.is_finished(), "a person waits for the run");
    lease.fence(&mut run).await.unwrap();
    run.commit().await.unwrap();
    person.await.unwrap();
    assert!(queue::claim(&db, "two", Duration::from_mins(1), NOW).await.unwrap().is_some());
    assert!(matches!(lease.fence(&mut db.begin().await.unwrap()).await, Err(FenceError::LeaseLost(_))));
}
