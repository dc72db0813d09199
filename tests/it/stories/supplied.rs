//! Stories of photos that people supply by hand: who may, when one is owed, and how they are marked.

use serde_json::{Value, json};
use simulator::Stamp;
use yinku::{db::sql, id::FlowId};

use crate::support::{
    Caller, World,
    callbacks::push,
    files::{form, png},
    flows::{act, show},
    photos::{manifest, stored},
    seals::{archived, in_use, look, one_photo_short, one_seal, two_seals, without_photo},
    story,
};

/// Where the photos of the flow's grant number `n` are supplied.
async fn grant_path(caller: &Caller, flow: &FlowId, n: usize) -> String {
    let view = show(caller, flow).await;
    format!("/api/grants/{}/photos", view["sealUses"][0]["grants"][n]["id"].as_str().unwrap())
}

/// 王五 stamps and is no operator any more.
async fn wang_is_no_operator(world: &World) -> Caller {
    let admin = world.caller("admin").await;
    let users = admin.get("/api/users?limit=200").await.expect(200);
    let wang = users["items"].as_array().unwrap().iter().find(|user| user["username"] == "wang").unwrap();
    let path = format!("/api/users/{}", wang["id"].as_str().unwrap());
    admin.patch(&path, &json!({ "roles": ["member"] })).await.expect(200);
    world.caller("wang").await
}

async fn supplied(caller: &Caller, flow: &FlowId) -> Vec<Value> {
    let view = show(caller, flow).await;
    let photos = view["files"]["photos"].as_array().unwrap().clone();
    photos.into_iter().filter(|document| document["photo"]["suppliedBy"].is_string()).collect()
}

story!(a_supplied_photo_is_marked_by_whom_and_when_in_every_view_and_by_its_name, async |world: World| {
    let (flow, _, business) = world.seal_use(2).await;
    one_photo_short(&world, &business).await;
    let wang = world.caller("wang").await;
    let path = grant_path(&wang, &flow, 0).await;
    wang.bring(&path, form([("补传.png", png(9))])).await.expect(201);
    world.until_archived(&flow).await;
    world
        .until("the vendor's key is known", async || {
            world.count("SELECT COUNT(*) FROM photos WHERE photokey IS NULL").await == 0
        })
        .await;
    world.until_quiet().await;
    // The vendor lists it under a key by now. It stays marked.
    let marked = supplied(&wang, &flow).await;
    assert_eq!(marked.len(), 1);
    let photo = &marked[0]["photo"];
    assert_eq!((&photo["suppliedBy"], &photo["state"]), (&json!("wang"), &json!("supplied")));
    assert!(photo["suppliedAt"].is_string() && photo["photokey"].is_string(), "{photo}");
    assert!(marked[0]["name"].as_str().unwrap().ends_with("_signatory_supplied.png"), "{marked:?}");
    let id = marked[0]["id"].as_str().unwrap();
    assert_eq!(wang.get(&format!("/api/documents/{id}")).await.expect(200)["photo"], *photo);
    let ingest: String = sql("SELECT id FROM ingests").scalar(&world.app.db).await.unwrap();
    let ingest = wang.get(&format!("/api/ingests/{ingest}")).await.expect(200);
    let views: Vec<_> = ingest["photos"].as_array().unwrap().iter().map(|photo| photo["suppliedBy"].clone()).collect();
    assert!(views.contains(&json!("wang")) && views.contains(&Value::Null), "{views:?}");
    let recorded = manifest(&world, 1).await;
    let documents = recorded["documents"].as_array().unwrap();
    assert!(documents.iter().any(|document| document["photo"]["suppliedBy"] == "wang"), "{documents:?}");
});

story!(a_pushed_picture_that_is_supplied_is_marked_too, async |world: World| {
    let (flow, _, business) = world.seal_use(2).await;
    one_photo_short(&world, &business).await;
    push(&world, &business, &png(4)).await;
    world.until("the picture is linked", async || stored(&world).await == 2).await;
    world.until_quiet().await;
    let wang = world.caller("wang").await;
    assert!(supplied(&wang, &flow).await.is_empty());
    let path = grant_path(&wang, &flow, 0).await;
    wang.bring(&path, form([("补传.png", png(4))])).await.expect(201);
    world.until_archived(&flow).await;
    let marked = supplied(&wang, &flow).await;
    assert_eq!(marked.len(), 1);
    assert!(marked[0]["name"].as_str().unwrap().ends_with("_signatory_supplied.png"), "{marked:?}");
});

story!(a_grant_that_owes_nothing_takes_no_photo, async |world: World| {
    let (flow, business) = in_use(&world, &two_seals()).await;
    let wang = world.caller("wang").await;
    let (first, second) = (grant_path(&wang, &flow, 0).await, grant_path(&wang, &flow, 1).await);
    let photo = |shade| form([("补传.png", png(shade))]);
    wang.bring(&first, photo(1)).await.expect_problem(409, "nothing_owed");
    world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    look(&world, &flow).await;
    wang.bring(&second, photo(1)).await.expect_problem(409, "nothing_owed");
    wang.bring(&first, photo(1)).await.expect(201);
    // The one that is owed is on its way, or here.
    wang.bring(&first, photo(2)).await.expect_problem(409, "nothing_owed");
    world.until_quiet().await;
    wang.bring(&first, photo(2)).await.expect_problem(409, "nothing_owed");
    assert_eq!(stored(&world).await, 1);
    assert_eq!(supplied(&wang, &flow).await.len(), 1);
});

story!(the_person_of_a_grant_supplies_what_the_list_of_owed_photos_tells, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(2)).await;
    let wang = wang_is_no_operator(&world).await;
    world.sim.stamp_with(&business, 0, &Stamp::default()).await.unwrap();
    world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    world.until("use has ended", async || world.count("SELECT COUNT(ended_at) FROM seal_uses").await == 1).await;
    world.until_quiet().await;
    let owed = wang.get("/api/owed").await.expect(200);
    assert_eq!(owed["items"][0]["missing"], 1, "{owed}");
    let path = format!("/api/grants/{}/photos", owed["items"][0]["grantId"].as_str().unwrap());
    world.caller("zhang").await.bring(&path, form([("a.png", png(1))])).await.expect_problem(403, "forbidden");
    world.caller("zhao").await.bring(&path, form([("a.png", png(1))])).await.expect_problem(404, "not_found");
    wang.bring(&path, form([("补传.png", png(9))])).await.expect(201);
    world.until_archived(&flow).await;
    world.until_quiet().await;
    assert_eq!(wang.get("/api/owed").await.expect(200)["items"], json!([]));
});

story!(a_photo_that_an_archived_flow_owes_is_supplied_as_a_supplement, async |world: World| {
    let (flow, _, business) = world.seal_use(2).await;
    one_photo_short(&world, &business).await;
    let wish = json!({ "acceptMissing": true, "reason": "设备断电" });
    act(&world.caller("admin").await, &flow, "archive", wish).await.expect(200);
    let wang = world.caller("wang").await;
    assert_eq!(wang.get("/api/owed").await.expect(200)["items"][0]["missing"], 1);
    let path = grant_path(&wang, &flow, 0).await;
    wang.bring(&path, form([("补传.png", png(9))])).await.expect(201);
    let second = "SELECT COUNT(*) FROM manifests WHERE n = 2 AND documents = 2";
    world.until("the archive is supplemented", async || world.count(second).await == 1).await;
    world.until_quiet().await;
    wang.bring(&path, form([("b.png", png(8))])).await.expect_problem(409, "flow_not_running");
    // A whole archive owes nothing.
    let flow = archived(&world, 1).await;
    let path = grant_path(&wang, &flow, 0).await;
    wang.bring(&path, form([("b.png", png(8))])).await.expect_problem(409, "flow_not_running");
});

story!(a_grant_takes_as_many_photos_of_a_kind_as_it_owes, async |world: World| {
    let (flow, business) = in_use(&world, &one_seal(3)).await;
    for _ in 0..2 {
        world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    }
    look(&world, &flow).await;
    let wang = world.caller("wang").await;
    let path = grant_path(&wang, &flow, 0).await;
    let photos = |shades: &[u8]| form(shades.iter().map(|shade| ("补传.png", png(*shade))).collect::<Vec<_>>());
    let problem = wang.bring(&path, photos(&[1, 2, 3])).await.expect_problem(409, "nothing_owed");
    assert!(problem["detail"].as_str().unwrap().contains("owes 2 photos"), "{problem}");
    // A face fills no gap of a stamping, and none is missing.
    wang.bring(&path, photos(&[1]).text("kind", "face")).await.expect_problem(409, "nothing_owed");
    wang.bring(&path, photos(&[1, 1])).await.expect(201);
    // The same picture again is the same photo.
    wang.bring(&path, photos(&[1, 2])).await.expect(201);
    wang.bring(&path, photos(&[3])).await.expect_problem(409, "nothing_owed");
    world.until_quiet().await;
    assert_eq!((stored(&world).await, world.count("SELECT COUNT(*) FROM dispatches").await), (2, 2));
});
