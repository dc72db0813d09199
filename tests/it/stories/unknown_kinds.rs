//! Stories of photos of an unknown kind: what event streams tell of them, and zips of kinds with damaged entries.

use std::io::Cursor;

use serde_json::{Value, json};
use simulator::{Fault, Kind, Knobs, Target, ZipNames};
use yinku::{
    config::{Config, Span},
    db::sql,
    id::FlowId,
};

use crate::support::{
    Caller, Engine, Plan, World,
    definitions::archived_by_hand,
    events::Events,
    flows::{callers, show},
    seals::{one_photo_short, refusal, show_counts, without_photo},
    story,
    world::small_photos,
    zips::{Damage, damaged, give_out, zip},
};

fn silent_zip() -> Knobs {
    let mut knobs = small_photos();
    knobs.zip.zip_names = ZipNames::Duplicate;
    knobs
}

/// A folder that everybody sees marks a moment in all streams. Returns its id.
async fn mark(admin: &Caller, name: &str) -> String {
    let folder = admin.post("/api/folders", &json!({ "space": "public", "name": name })).await.expect(201);
    folder["id"].as_str().unwrap().to_owned()
}

async fn until_marked(streams: &mut [&mut Events], folder: &str) {
    for stream in streams {
        stream.until("the mark comes", |hint| hint["id"] == folder).await;
    }
}

/// What a person without the right must not learn of the one photo of an unknown kind: its key, content and document.
async fn secrets(world: &World) -> Vec<String> {
    let (key, hash, document): (String, String, String) =
        sql("SELECT COALESCE(p.photokey, 'no key'), p.original_hash, d.id FROM photos p JOIN documents d ON d.photo_id = p.id
             WHERE p.kind = 'unknown'")
        .one(&world.app.db)
        .await
        .unwrap();
    vec![key, hash, document]
}

async fn kinds_shown(caller: &Caller, flow: &FlowId) -> Vec<String> {
    let view = show(caller, flow).await;
    let mut kinds: Vec<String> = view["files"]["photos"]
        .as_array()
        .unwrap()
        .iter()
        .map(|document| document["photo"]["kind"].as_str().unwrap().to_owned())
        .collect();
    kinds.sort();
    kinds
}

story!(an_event_stream_tells_nothing_of_an_unknown_photo_and_of_its_acceptance_to_all, async |engine: Engine| {
    for (kind, shown) in [("signatory", 2), ("face", 1)] {
        let plan = Plan { knobs: Some(silent_zip()), definition: Some(archived_by_hand), ..Plan::default() };
        let world = World::new(engine, plan).await;
        world.sim.set_fault(Fault::always(Target::ZipOfKind, refusal("参数错误")));
        let (flow, _, business) = world.seal_use(2).await;
        world.until_quiet().await;
        let [admin, wang, sun, zhao] = callers(&world, ["admin", "wang", "sun", "zhao"]).await;
        let (mut theirs, mut auditors) = (Events::of(&wang).await, Events::of(&sun).await);
        let mut strangers = Events::of(&zhao).await;
        let hidden = world.sim.late_photo(&business, 0, Kind::Face).unwrap();
        world.sim.edit_photo(&hidden, |photo| photo.in_detail = false).unwrap();
        one_photo_short(&world, &business).await;
        let first = mark(&admin, "一").await;
        until_marked(&mut [&mut theirs, &mut auditors, &mut strangers], &first).await;

        // The hints name the flow and its ingest, and count. What is read after them differs.
        let ingest = show(&wang, &flow).await["sealUses"][0]["ingestId"].clone();
        for hint in theirs.hints().iter().chain(&auditors.hints()).filter(|hint| hint["id"] != first.as_str()) {
            let mut members: Vec<&String> = hint.as_object().unwrap().keys().collect();
            members.sort();
            assert_eq!(members, ["about", "event", "expected", "flowId", "id", "received", "state"], "{hint}");
            assert!(hint["flowId"] == flow.as_str() && [&json!(flow), &ingest].contains(&&hint["id"]), "{hint}");
        }
        let secrets = secrets(&world).await;
        assert!(secrets.iter().all(|secret| !theirs.text.contains(secret)), "{}", theirs.text);
        assert!(auditors.hints().iter().any(|hint| hint["event"] == "ingest"), "{}", auditors.text);
        assert_eq!(kinds_shown(&wang, &flow).await, ["signatory"]);
        assert_eq!(kinds_shown(&sun, &flow).await, ["signatory", "unknown"]);

        let id: String = sql("SELECT id FROM photos WHERE kind = 'unknown'").scalar(&world.app.db).await.unwrap();
        let wish = json!({ "reason": "核对过", "kind": kind });
        admin.post(&format!("/api/photos/{id}/accept"), &wish).await.expect(200);
        let last = mark(&admin, "二").await;
        until_marked(&mut [&mut theirs, &mut auditors, &mut strangers], &last).await;
        for stream in [&theirs, &auditors] {
            let hints = stream.hints();
            let since = hints.iter().skip_while(|hint| hint["id"] != first.as_str()).skip(1);
            let told: Vec<&Value> = since.take_while(|hint| hint["id"] != last.as_str()).collect();
            assert!(told.iter().any(|hint| hint["event"] == "flow" && hint["id"] == flow.as_str()), "{told:?}");
        }
        assert_eq!(kinds_shown(&wang, &flow).await.len(), shown, "{kind}");
        assert!(secrets.iter().all(|secret| !theirs.text.contains(secret)), "{}", theirs.text);
        // A user without a part hears of the folders alone.
        assert!(strangers.hints().iter().all(|hint| hint["event"] == "folder"), "{}", strangers.text);
        world.until_quiet().await;
    }
});

/// A picture whose size no other one has.
fn picture(width: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let noise =
        |x: u32, y: u32| image::Rgb([x * 37 % 251, y * 91 % 241, x * y * 13 % 239].map(|v| u8::try_from(v).unwrap()));
    image::RgbImage::from_fn(width, 30, noise).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn rechecked(config: &mut Config) {
    config.ingest.rechecks = (1..9).map(|n| Span::secs(3 * n)).collect();
}

/// Two stampings, of which the vendor has photos and a face in its zip only.
struct Zipped {
    world: World,
    flow: FlowId,
    stamped: [Vec<u8>; 2],
    face: Vec<u8>,
}

impl Zipped {
    /// `break_signatory` and `break_faces` damage the zips of the kinds.
    async fn ended(
        engine: Engine,
        break_signatory: impl FnOnce(Vec<u8>) -> Vec<u8>,
        break_faces: impl FnOnce(Vec<u8>) -> Vec<u8>,
    ) -> Self {
        let world = World::new(engine, Plan { config: Some(rechecked), ..Plan::default() }).await;
        let (flow, _, business) = world.seal_use(2).await;
        let zipped = Self { world, flow, stamped: [picture(40), picture(48)], face: picture(56) };
        let [all, signatory, faces] = zipped.zips();
        give_out(&zipped.world, &all, &break_signatory(signatory), &break_faces(faces));
        for _ in 0..2 {
            zipped.world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
        }
        zipped
    }

    /// The zips of all photos, of the stampings and of the faces.
    fn zips(&self) -> [Vec<u8>; 3] {
        let [one, two] = &self.stamped;
        let entries = [("one.png", one.as_slice()), ("two.png", two), ("face.png", &self.face)];
        [zip(&entries), zip(&entries[..2]), zip(&entries[2..])]
    }

    /// Kind and confirmation of each photo, in the order one, two, face.
    async fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        for bytes in self.stamped.iter().chain([&self.face]) {
            let kind = sql("SELECT kind || ' ' || confirmation FROM photos WHERE original_hash = $1");
            told.extend(
                kind.bind(&yinku::hash::Blake3::of(bytes)).scalars::<String>(&self.world.app.db).await.unwrap(),
            );
        }
        told
    }

    /// Waits for the reason that the ingest shows.
    async fn until_it_says(&self, words: &str) {
        let said = async || {
            let told: Vec<String> =
                sql("SELECT error FROM ingests WHERE error IS NOT NULL").scalars(&self.world.app.db).await.unwrap();
            told.iter().any(|told| told.contains(words))
        };
        self.world.until(&format!("the ingest says: {words}"), said).await;
    }

    /// The vendor gives out sound zips again, and a recheck reads them: no callback comes, and no user asks.
    async fn heals(&self) {
        let [all, signatory, faces] = self.zips();
        give_out(&self.world, &all, &signatory, &faces);
        let settled = ["signatory confirmed", "signatory confirmed", "face confirmed"];
        self.world.until("a recheck settles the kinds", async || self.told().await == settled).await;
        self.world.until_archived(&self.flow).await;
        assert_eq!(show_counts(&self.world, &self.flow).await, [2, 2, 2, 0]);
        self.world.until_quiet().await;
    }
}

story!(a_damaged_entry_in_the_zip_of_stampings_is_unknown_and_the_others_keep_their_kind, async |engine: Engine| {
    for (damage, why) in [
        (Damage::WrongChecksum, "two.png: damaged"),
        (Damage::Encrypted, "two.png: encrypted"),
        (Damage::CutShort, "two.png: damaged"),
    ] {
        let zipped = Zipped::ended(engine, |zip| damaged(zip, "two.png", damage), |zip| zip).await;
        let words = format!("1 entries of the vendor's zip of kind signatory cannot be read: {why}");
        zipped.until_it_says(&words).await;
        assert_eq!(zipped.told().await, ["signatory confirmed", "unknown confirmed", "face confirmed"], "{damage:?}");
        assert_eq!(show_counts(&zipped.world, &zipped.flow).await, [2, 2, 1, 1]);
        assert!(zipped.world.flow(&zipped.flow).await.archived_at.is_none());
        zipped.heals().await;
    }
});

story!(a_damaged_face_in_the_zip_of_faces_is_unknown_and_holds_up_no_stamping, async |engine: Engine| {
    let zipped = Zipped::ended(engine, |zip| zip, |zip| damaged(zip, "face.png", Damage::Encrypted)).await;
    zipped.world.until_archived(&zipped.flow).await;
    zipped.until_it_says("1 entries of the vendor's zip of kind face cannot be read: face.png: encrypted").await;
    assert_eq!(zipped.told().await, ["signatory confirmed", "signatory confirmed", "unknown confirmed"]);
    let wang = zipped.world.caller("wang").await;
    assert_eq!(kinds_shown(&wang, &zipped.flow).await, ["signatory"; 2]);
    let before = zipped.world.count("SELECT MAX(n) FROM manifests").await;
    zipped.heals().await;
    assert_eq!(zipped.world.count("SELECT MAX(n) FROM manifests").await, before + 1, "a kind that is settled late");
    assert_eq!(kinds_shown(&wang, &zipped.flow).await, ["signatory"; 2]);
});

story!(a_zip_of_a_kind_that_is_cut_off_tells_no_kind, async |engine: Engine| {
    let half = |zip: Vec<u8>| zip[..zip.len() / 2].to_vec();
    let zipped = Zipped::ended(engine, half, |zip| zip).await;
    zipped.until_it_says("the vendor's zip of kind signatory cannot be read: the zip is truncated").await;
    assert_eq!(zipped.told().await, ["unknown confirmed"; 3]);
    assert_eq!(show_counts(&zipped.world, &zipped.flow).await, [2, 2, 0, 2]);
    zipped.heals().await;
});

story!(what_is_no_photo_in_the_zip_of_a_kind_leaves_no_kind_unclear, async |engine: Engine| {
    let with_junk = |zip: Vec<u8>| {
        let mut archive = zip::ZipWriter::new_append(Cursor::new(zip)).unwrap();
        archive.start_file("empty.jpg", zip::write::SimpleFileOptions::default()).unwrap();
        archive.add_symlink("link.jpg", "face.png", zip::write::SimpleFileOptions::default()).unwrap();
        archive.finish().unwrap().into_inner()
    };
    let zipped = Zipped::ended(engine, |zip| zip, with_junk).await;
    zipped.world.until_archived(&zipped.flow).await;
    zipped.world.until_quiet().await;
    assert_eq!(zipped.told().await, ["signatory confirmed", "signatory confirmed", "face confirmed"]);
    assert_eq!(zipped.world.count("SELECT COUNT(error) FROM ingests").await, 0);
});

story!(the_reason_of_an_ingest_names_no_key_to_people_without_the_right, async |engine: Engine| {
    const KEY: &str = "20261123-254775d7-3c7c-4e9d-9880-1d4c5fb3dbd0";
    let name = format!("{KEY}.png");
    let world = World::new(engine, Plan::default()).await;
    let (flow, _, business) = world.seal_use(1).await;
    let all = zip(&[("one.png", &picture(40)), (&name, &picture(48))]);
    let none = zip(&[]);
    give_out(&world, &damaged(all, &name, Damage::Encrypted), &none, &none);
    world.sim.stamp_with(&business, 0, &without_photo()).await.unwrap();
    world
        .until("the ingest says why", async || {
            world.count("SELECT COUNT(*) FROM ingests WHERE error LIKE '%encrypted%'").await == 1
        })
        .await;
    let [wang, sun] = callers(&world, ["wang", "sun"]).await;
    let path = format!("/api/ingests?flowId={flow}");
    let error =
        async |caller: &Caller| caller.get(&path).await.expect(200)["items"][0]["error"].as_str().unwrap().to_owned();
    assert!(error(&sun).await.contains(&name));
    let told = error(&wang).await;
    assert!(told.contains("….png: encrypted") && !told.contains(KEY), "{told}");
});
