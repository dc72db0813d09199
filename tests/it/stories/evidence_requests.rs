//! Stories of the callbacks' requests in an evidence package: what is kept is compared with what came.

use bytes::Bytes;
use serde_json::Value;
use yinku::{
    config::{ByteSize, Config},
    db::sql,
    store::StoreKey,
};

use super::evidence::{files_of, text_of, zip_of_evidence};
use crate::support::{Engine, Plan, World, callbacks::callback_with, story};

/// Bodies over 64 bytes lie in the store.
fn small_bodies_in_rows(config: &mut Config) {
    config.callback.inline_body = ByteSize(64);
}

story!(a_package_says_which_kept_requests_are_no_longer_as_they_came, async |engine: Engine| {
    let world = World::new(engine, Plan { config: Some(small_bodies_in_rows), ..Plan::default() }).await;
    let (flow, _, business) = world.seal_use(1).await;
    let long = "x".repeat(200);
    let sent = [
        "note=n1".to_owned(),
        "note=n2".into(),
        format!("note=n3&pad={long}"),
        format!("note=n4&pad={long}"),
        format!("note=n5&pad={long}"),
    ];
    for note in &sent {
        let body = format!("businessId={business}&{note}");
        let raw = callback_with(&world, Some("application/x-www-form-urlencoded"), body.as_bytes());
        assert_eq!(world.sim.send_callback(&raw, 1, false).await[0].status, Some(200));
    }
    world.until_quiet().await;
    let rows: Vec<(String, String, Option<String>)> =
        sql("SELECT id, params, body_key FROM callbacks WHERE params LIKE '%note%' ORDER BY received_at, id")
            .all(&world.app.db)
            .await
            .unwrap();
    assert_eq!(rows.iter().filter(|(.., key)| key.is_some()).count(), 3, "{rows:?}");
    let of = |note: char| rows.iter().find(|(_, params, _)| params.contains(&format!("\"n{note}"))).unwrap();
    let object = |note: char| StoreKey::Raw(of(note).2.clone().unwrap());
    // One row and one object are changed, one object is lost.
    let mut tx = world.app.db.begin().await.unwrap();
    let changed = format!("businessId={business}&note=n7").into_bytes();
    sql("UPDATE callbacks SET body = $1 WHERE id = $2").bind(changed).bind(&*of('2').0).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    world.app.store.put(&object('4'), Bytes::from_static(b"other")).await.unwrap();
    world.app.store.delete(&object('5')).await.unwrap();
    let wang = world.caller("wang").await;
    // Before archiving nothing is compared.
    let files = files_of(&wang.get(&zip_of_evidence(&flow)).await.bytes);
    assert!(text_of(&files, "callbacks.jsonl").lines().all(|line| line.contains("\"bodyChecked\":null")));
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    let files = files_of(&wang.get(&zip_of_evidence(&flow)).await.bytes);
    let lines: Vec<Value> =
        text_of(&files, "callbacks.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (note, expected) in [('1', "same"), ('2', "changed"), ('3', "same"), ('4', "changed"), ('5', "lost")] {
        let line = lines.iter().find(|line| line["id"] == *of(note).0).unwrap();
        assert_eq!(line["bodyChecked"], expected, "{note}: {line}");
    }
    let custody: Value = serde_json::from_str(text_of(&files, "custody.jsonl").lines().next().unwrap()).unwrap();
    let steps = custody["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["callback"] == *of('4').0).unwrap();
    assert_eq!((&step["step"], &step["bodyChecked"]), (&"callback_received".into(), &"changed".into()));
    let report = text_of(&files, "用印报告.html");
    assert_eq!(report.matches("与收到时的 SHA-256 不符").count(), 2);
    assert_eq!(report.matches("的原始请求已丢失").count(), 1);
    for note in ['2', '4', '5'] {
        assert!(report.contains(&of(note).0), "{note}");
    }
});
