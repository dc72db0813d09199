//! Stories of `yinku evidence`: the package of one flow as a file, by the command line.

use std::{
    path::Path,
    process::{Command, Output},
};

use simulator::Kind;
use yinku::{db::sql, id::FlowId, store::StoreKey};

use super::evidence::{files_of, zip_of_evidence};
use crate::support::{World, seals::archived, story};

fn evidence(world: &World, flow: &str, file: &Path, more: &[&str]) -> Output {
    let config = &world.app.config;
    let mut command = Command::new(env!("CARGO_BIN_EXE_yinku"));
    command.args(["evidence", flow, "-o"]).arg(file).args(more).current_dir(&config.data_dir);
    command.env("YINKU_DATABASE__URL", config.database.url.to_string()).env("YINKU_DATA_DIR", &config.data_dir);
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn names_in(dir: &Path) -> Vec<String> {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

async fn with_a_face(world: &World) -> FlowId {
    let (flow, _, business) = world.seal_use(1).await;
    world.sim.late_photo(&business, 0, Kind::Face).unwrap();
    world.sim.stamp(&business, 0).await.unwrap();
    world.until_archived(&flow).await;
    world.until_quiet().await;
    flow
}

story!(the_command_writes_the_package_of_a_flow_with_or_without_faces, async |world: World| {
    let flow = with_a_face(&world).await;
    let dir = tempfile::tempdir().unwrap();
    let [plain, whole] = ["证据.zip", "faces.zip"].map(|name| dir.path().join(name));
    let serial: String = sql("SELECT serial_no FROM flows").scalar(&world.app.db).await.unwrap();
    let ran = evidence(&world, &serial, &plain, &[]);
    assert!(ran.status.success(), "{}", told(&ran));
    let admin = world.caller("admin").await;
    let served = admin.get(&zip_of_evidence(&flow)).await;
    assert!(std::fs::read(&plain).unwrap() == served.bytes, "the same bytes as by the API");
    let files = files_of(&served.bytes);
    let (_, list) = files.iter().find(|(name, _)| name.ends_with("tagmanifest-sha256.txt")).unwrap();
    let s = yinku::hash::Hashes::of(list).sha256;
    assert!(told(&ran).contains(&format!("S = {s}")), "{}", told(&ran));

    let ran = evidence(&world, flow.as_str(), &whole, &["--faces"]);
    assert!(ran.status.success(), "{}", told(&ran));
    let names: Vec<String> = files_of(&std::fs::read(&whole).unwrap()).into_iter().map(|(name, _)| name).collect();
    assert!(names.iter().any(|name| name.contains("_face.")), "{names:?}");
    assert!(!evidence(&world, "nothing", &dir.path().join("no.zip"), &[]).status.success());
    let mut left = names_in(dir.path());
    left.sort();
    assert_eq!(left, ["faces.zip", "证据.zip"]);
    let entries = "SELECT COUNT(*) FROM audit WHERE act = 'evidence_downloaded' AND username = 'command line'";
    assert_eq!(world.count(entries).await, 2);
});

story!(a_broken_read_leaves_no_half_package, async |world: World| {
    let flow = archived(&world, 1).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("p.zip");
    std::fs::write(&file, b"an older package").unwrap();
    let key: String = sql("SELECT store_key FROM originals").scalar(&world.app.db).await.unwrap();
    let key = StoreKey::Raw(key);
    let mut bytes = world.app.store.get(&key).await.unwrap().to_vec();
    bytes[1000] ^= 1;
    world.app.store.put(&key, bytes.into()).await.unwrap();
    let ran = evidence(&world, flow.as_str(), &file, &[]);
    assert!(!ran.status.success() && told(&ran).contains("damaged"), "{}", told(&ran));
    assert_eq!(std::fs::read(&file).unwrap(), b"an older package");
    assert_eq!(names_in(dir.path()), ["p.zip"]);
});
