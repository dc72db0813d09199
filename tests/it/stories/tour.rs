//! docs/tour.md, as somebody walks it who reads it.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::support::process::Demo;

const TOUR: &str = include_str!("../../../docs/tour.md");

/// The blocks that are to be run, in their order.
fn script() -> String {
    let blocks: Vec<&str> =
        TOUR.split("```sh\n").skip(1).map(|rest| rest.split_once("```").expect("a block that ends").0).collect();
    assert!(blocks.len() > 10, "the tour lost its steps");
    blocks.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_with_curl_is_true() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(dir.path());
    let base = demo.address("listens on");
    let program = Path::new(env!("CARGO_BIN_EXE_yinku")).parent().unwrap().display().to_string();
    let walked = Command::new("bash")
        .args(["-eu", "-o", "pipefail", "-c", &script()])
        .current_dir(dir.path())
        .env("YINKU", base)
        .env("VENDOR", demo.address("vendor on"))
        .env("DATA", "demo")
        .env("PATH", format!("{program}:{}", std::env::var("PATH").unwrap()))
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&walked.stdout), String::from_utf8_lossy(&walked.stderr));
    assert!(walked.status.success(), "{}\n{out}\n{err}", walked.status);
    assert!(out.contains("tagmanifest-sha256.txt: OK"), "{out}");
    assert!(out.contains("photo.jpg: OK") && out.contains("the audit log is as it was written"), "{out}");

    for line in ["台账2.pdf", "[\"view\"]", "public/合同档案/2026"] {
        assert!(out.lines().any(|told| told == line), "{line}: {out}");
    }
    let kept = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let problem: Value = serde_json::from_str(&kept("problem.json")).unwrap();
    assert_eq!(problem["code"], "field_required", "{problem}");

    yinku::tls::choose_provider();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = |path: String| {
        let request = http.get(format!("{base}{path}")).bearer_auth(kept("sun.token").trim());
        async move { request.send().await.unwrap().error_for_status().unwrap().json::<Value>().await.unwrap() }
    };
    let archived = ask("/api/flows?state=archived&q=采购合同".to_owned()).await;
    let [tour, demos] = archived["items"].as_array().unwrap().as_slice() else { panic!("{archived}") };
    assert_eq!(demos["title"], "采购合同（演示）");
    let flow = ask(format!("/api/flows/{}", tour["id"].as_str().unwrap())).await;
    let numbers = |name: &str| flow["sealUses"][0][name].as_i64().unwrap();
    assert_eq!(["authorised", "counted", "received", "missing"].map(numbers), [5, 3, 3, 0], "{flow}");
    assert_eq!(flow["files"]["photos"].as_array().map(Vec::len), Some(3));
    assert_eq!(flow["files"]["stamped"][0]["vendorState"], "sent");
    let downloads = ask("/api/audit?act=photos_downloaded".to_owned()).await;
    assert_eq!(
        downloads["items"].as_array().map(Vec::len),
        Some(3),
        "whole, broken off, and gone on with: {downloads}"
    );
}
