//! Runs the flow of the demo: start, approve, stamp, photos, archive. Each step is skipped if it is already done.

use std::{path::Path, time::Duration};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::{
    api::{Api, text},
    furnish::{PEOPLE, furnish},
    memory::{ADMIN_PASSWORD, Memory, PASSWORD},
    progress,
};
use crate::cli::print;

/// The time that each step waits for its result.
const PATIENCE: Duration = Duration::from_mins(10);

pub(super) async fn run(api: &mut Api, memory: &mut Memory, dir: &Path, photos: u32) -> anyhow::Result<()> {
    let admin = api.token("admin", ADMIN_PASSWORD).await?;
    print::progress(&format!("  admin     {ADMIN_PASSWORD}   configures"));
    for (username, _, _, _, does) in PEOPLE {
        print::progress(&format!("  {username:9} {PASSWORD}    {does}"));
    }
    if memory.definition.is_none() {
        memory.definition = Some(furnish(api, &admin).await?);
        memory.save(dir)?;
    }
    let photos = *memory.photos.get_or_insert(photos);
    if memory.flow.is_none() {
        memory.flow = Some(start(api, memory.definition.as_deref().unwrap_or_default(), photos).await?);
        memory.save(dir)?;
    }
    let flow = memory.flow.clone().unwrap_or_default();
    approve(api, &admin, &flow).await?;
    let business = business_of(api, &admin, &flow).await?;
    view_codes(api, &flow).await?;
    stamp(api, &business).await?;
    progress::watch(api, &admin, &flow, photos, PATIENCE).await?;
    upload_stamped_file(api, &flow).await?;
    wait(api, &admin, &flow, |flow| Ok((flow["state"] == "archived").then_some(()))).await?;
    check(api, &admin, &flow, photos).await?;
    save_evidence(api, &admin, &flow, dir).await
}

async fn start(api: &Api, definition: &str, photos: u32) -> anyhow::Result<String> {
    let zhang = api.token("zhang", PASSWORD).await?;
    let second = photos / 3;
    let mut rows = vec![json!({ "seal": "QYS2019040001", "count": photos - second, "users": ["wang"] })];
    if second > 0 {
        rows.push(json!({ "seal": "QYS2019040002", "count": second, "users": ["wang"] }));
    }
    let form = json!({ "subject": "采购合同（演示）", "company": "上海印库科技有限公司", "seals": rows });
    let flow = api.post(&zhang, "/api/flows", &json!({ "definitionId": definition, "form": form })).await?;
    print::progress(&format!("张三 started the flow {}", text(&flow, "serialNo")?));
    text(&flow, "id")
}

async fn approve(api: &Api, admin: &str, flow: &str) -> anyhow::Result<()> {
    let path = format!("/api/flows/{flow}");
    if api.get(admin, &path).await?["phase"] == "approving" {
        let li = api.token("li", PASSWORD).await?;
        api.post(&li, &format!("{path}/approve"), &json!({ "comment": "同意" })).await?;
        print::progress("李四 approved; yinku applies for the seal use at the vendor");
    }
    Ok(())
}

/// Views the seal codes while they are valid.
async fn view_codes(api: &Api, flow: &str) -> anyhow::Result<()> {
    let (wang, path) = (api.token("wang", PASSWORD).await?, format!("/api/flows/{flow}"));
    let view = api.get(&wang, &path).await?;
    if view["actions"].as_array().is_some_and(|actions| actions.contains(&json!("code"))) {
        let codes = api.get(&wang, &format!("{path}/seal-code")).await?;
        let lines = codes
            .as_array()
            .into_iter()
            .flatten()
            .map(|code| Ok(format!("{} {}", text(code, "seal")?, text(code, "code")?)));
        print::progress(&format!(
            "王五 views the seal codes: {}",
            lines.collect::<anyhow::Result<Vec<_>>>()?.join(", ")
        ));
    }
    Ok(())
}

/// Stamps all remaining uses. The last stamping ends the use, and the vendor sends a callback.
async fn stamp(api: &Api, business: &str) -> anyhow::Result<()> {
    let at_vendor = api.at_vendor(&format!("/_sim/businesses/{business}"), None).await?;
    let auths = at_vendor["auths"].as_array().context("the vendor's answer has no auths")?;
    let left: Vec<u64> = auths.iter().map(|auth| auth["left"].as_u64().unwrap_or(0)).collect();
    let path = format!("/_sim/businesses/{business}/stamp");
    for (auth, count) in left.iter().enumerate().filter(|(_, count)| **count > 0) {
        let mut count = *count;
        if auth == 0 && count > 2 && at_vendor["photos"].as_array().is_some_and(Vec::is_empty) {
            // Two stampings with equal images show that one original can have two photos.
            let first = api.at_vendor(&path, Some(&json!({ "auth": auth }))).await?;
            let key = first["photokeys"][0].as_str().context("the vendor's answer has no photokey")?;
            api.at_vendor(&path, Some(&json!({ "auth": auth, "sameAs": key }))).await?;
            count -= 2;
        }
        api.at_vendor(&path, Some(&json!({ "auth": auth, "count": count }))).await?;
    }
    if left.iter().any(|count| *count > 0) {
        print::progress("王五 stamped; the vendor sends 【用印完成】");
    }
    Ok(())
}

async fn business_of(api: &Api, admin: &str, flow: &str) -> anyhow::Result<String> {
    let business = |flow: &Value| {
        let seal_use = &flow["sealUses"][0];
        if seal_use["status"] == "failed" || seal_use["status"] == "unknown" {
            bail!("the vendor did not accept the application: {}", seal_use["error"]);
        }
        Ok(seal_use["businessId"].as_str().map(str::to_owned))
    };
    wait(api, admin, flow, business).await
}

/// Uploads the stamped file, because the archive waits for it.
async fn upload_stamped_file(api: &Api, flow: &str) -> anyhow::Result<()> {
    let (wang, path) = (api.token("wang", PASSWORD).await?, format!("/api/flows/{flow}"));
    let view = api.get(&wang, &path).await?;
    if view["state"] == "running" && view["files"]["stamped"].as_array().is_some_and(Vec::is_empty) {
        let (name, bytes) = ("采购合同-已盖章.pdf", b"%PDF-1.4\n%%EOF\n");
        api.upload(&wang, &format!("{path}/fields/stamped/files"), name, bytes).await?;
        print::progress(&format!("王五 uploaded the stamped file {name}; yinku archives the flow"));
    }
    Ok(())
}

/// Polls the flow until `read` returns a value.
async fn wait<T>(
    api: &Api,
    admin: &str,
    flow: &str,
    read: impl Fn(&Value) -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let polled = async {
        loop {
            if let Some(value) = read(&api.get(admin, &format!("/api/flows/{flow}")).await?)? {
                return Ok(value);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, polled).await.context("the flow made no progress; see the log of the service")?
}

/// Checks that every photo is stored once and unaltered: downloads and hashes each photo.
async fn check(api: &Api, admin: &str, flow: &str, photos: u32) -> anyhow::Result<()> {
    let view = api.get(admin, &format!("/api/flows/{flow}")).await?;
    ensure!(view["state"] == "archived", "the flow is not archived: {}", view["state"]);
    let documents = view["files"]["photos"].as_array().context("the flow has no photos")?;
    ensure!(documents.len() == photos as usize, "{} photos instead of {photos}", documents.len());
    for document in documents {
        let id = text(document, "id")?;
        let bytes = api.bytes(admin, &format!("/api/documents/{id}/content")).await?;
        ensure!(blake3::hash(&bytes).to_hex().as_str() == text(document, "blake3")?, "document {id} was altered");
    }
    print_addresses(api, admin, &view, documents)
}

/// Downloads the evidence package into the directory of the demo.
async fn save_evidence(api: &Api, admin: &str, flow: &str, dir: &Path) -> anyhow::Result<()> {
    let about = format!("/api/flows/{flow}/evidence");
    let made = async {
        loop {
            let about = api.get(admin, &about).await?;
            if about["state"] == "ready" {
                return anyhow::Ok(about);
            }
            ensure!(about["state"] != "failed", "the evidence package cannot be made; see the log of the service");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let about = tokio::time::timeout(PATIENCE, made).await.context("the evidence package is not made")??;
    let file = dir.join("evidence.zip");
    std::fs::write(&file, api.bytes(admin, &text(&about, "url")?).await?)
        .with_context(|| format!("cannot write {}; check its permissions", file.display()))?;
    print::progress(&format!("\nthe evidence package  {}", file.display()));
    print::progress(&format!("                      {}/api/flows/{flow}/evidence.zip", api.base()));
    print::progress(&format!("S = {}", text(&about, "s")?));
    Ok(())
}

fn print_addresses(api: &Api, admin: &str, flow: &Value, documents: &[Value]) -> anyhow::Result<()> {
    let base = api.base();
    let folder = text(&documents[0], "folderId")?;
    let id = text(flow, "id")?;
    print::progress(&format!("All {} photos arrived, once, unaltered; the flow is archived.\n", documents.len()));
    print::progress(&format!("its page         {base}/flows/{id}"));
    print::progress(&format!("the flow         {base}/api/flows/{id}"));
    print::progress(&format!("its definition   {base}/api/definitions/{}", text(flow, "definitionId")?));
    print::progress(&format!("its folder       {base}/api/folders/{folder}/documents"));
    for document in documents {
        print::progress(&format!(
            "{}  {base}/api/documents/{}/content",
            text(document, "name")?,
            text(document, "id")?
        ));
    }
    print::progress(&format!("its audit log    {base}/api/audit?flowId={id}"));
    print::progress(&format!("thumbnails       {base}/api/documents/<id>/thumbnail/256 and /1280"));
    print::progress(&format!("the API          {base}/api/openapi.json"));
    print::progress(&format!("\ncurl -H 'Authorization: Bearer {admin}' {base}/api/flows/{id}"));
    Ok(())
}
