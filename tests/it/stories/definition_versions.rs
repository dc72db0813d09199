//! Stories of the next version of a definition: what it keeps, and which flows take it.

use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Target};
use yinku::db::sql;

use super::definitions::folder;
use crate::support::{
    Engine, Plan, World,
    definitions::{with_file, with_stamped},
    files::{form, pdf},
    flows::purchase,
    seals::one_seal,
    story,
};

story!(a_next_version_keeps_its_folders_after_a_rename_in_the_system_space, async |engine: Engine| {
    fn to_the_system_space(definition: &mut Value) {
        with_file(definition);
        with_stamped(definition);
        definition["integration"].as_object_mut().unwrap().remove("downloadFolder");
        definition["integration"]["stampedFolder"] = json!({ "space": "system", "path": "用印后" });
    }
    let world = World::new(engine, Plan { definition: Some(to_the_system_space), ..Plan::default() }).await;
    let [admin, zhao, zhang] = [world.caller("admin").await, world.caller("zhao").await, world.caller("zhang").await];
    let start = json!({ "definitionId": world.definition, "form": purchase(&one_seal(1)), "draft": true });
    // The folder of form files is bound by the first upload.
    let bring = async || {
        let flow = zhang.post("/api/flows", &start).await.expect(201)["id"].as_str().unwrap().to_owned();
        let path = format!("/api/flows/{flow}/fields/file/files");
        zhang.bring(&path, form([("合同.pdf", pdf(&flow))])).await.expect(201)[0]["folderId"].clone()
    };
    let before = bring().await;
    let bound = "SELECT purpose || ' ' || folder_id FROM definition_folders WHERE version = $1 ORDER BY 1";
    let folders =
        async |version: i64| -> Vec<String> { sql(bound).bind(version).scalars(&world.app.db).await.unwrap() };
    let first = folders(1).await;
    assert_eq!(first.len(), 3, "{first:?}");
    let page = zhao.get("/api/folders?space=system").await.expect(200);
    let top = page["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    let below = folder(&zhao, Some(&top), "用印后").await.unwrap();
    zhao.patch(&format!("/api/folders/{top}"), &json!({ "name": "电子签档案" })).await.expect(200);
    zhao.patch(&format!("/api/folders/{below}"), &json!({ "name": "盖章后" })).await.expect(200);
    let path = format!("/api/definitions/{}", world.definition);
    let body = admin.get(&path).await.expect(200);
    assert_eq!(body["integration"]["stampedFolder"], json!({ "space": "system", "path": "盖章后" }));
    admin.put(&path, &body).await.expect(200);
    assert_eq!(folders(2).await, first);
    assert_eq!(bring().await, before);
    assert_eq!(zhao.get("/api/folders?space=system").await.expect(200)["items"].as_array().unwrap().len(), 1);
    // Another setting is another folder.
    let mut other = body.clone();
    other["integration"]["stampedFolder"]["path"] = "另一处".into();
    admin.put(&path, &other).await.expect(200);
    let third = folders(3).await;
    assert_eq!((third[..2] == first[..2], third[2] == first[2]), (true, false), "{third:?}");
});

story!(a_flow_takes_the_version_that_is_current_when_it_is_written, async |world: World| {
    let [admin, zhang] = [world.caller("admin").await, world.caller("zhang").await];
    let path = format!("/api/definitions/{}", world.definition);
    let body = admin.get(&path).await.expect(200);
    let start = json!({ "definitionId": world.definition, "form": purchase(&one_seal(1)) });
    let asked = || world.sim.counters().of("/seal/innercompany/seallist");
    let before = asked();
    // While the vendor looks up the seals, the definition is saved.
    world.sim.set_fault(Fault::times(Target::Any, FaultKind::Hang, 1));
    let (started, ()) = tokio::join!(zhang.post("/api/flows", &start), async {
        world.until("the seals are looked up", async || asked() > before).await;
        admin.put(&path, &body).await.expect(200);
    });
    assert_eq!(started.expect(201)["version"], 2);
});
