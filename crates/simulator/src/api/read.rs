//! What the vendor lists: a business in detail, photos owed, seals, categories, companies.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::{Answer, Query, Refusal, id, required, success};
use crate::{
    catalog::{CATEGORIES, COMPANIES, SEALS},
    clock::Timestamp,
    engine::Engine,
    knobs::Knobs,
    photo::Kind,
    state::{Auth, Business},
};

pub(super) async fn detail(State(engine): State<Arc<Engine>>, query: Query) -> Answer {
    let business = engine.business(required(&query, "businessId")?)?;
    let knobs = engine.knobs();
    let now = engine.now();
    let photos = |kind| -> Value {
        let shown = business.photos.iter().filter(|p| p.kind == kind && p.in_detail && p.exists(now));
        shown.map(|p| json!({ "authId": id(&p.auth_id, &knobs), "photokey": p.photokey })).collect()
    };
    let appended: Value = business
        .append_logs
        .iter()
        .map(|log| {
            json!({ "userName": log.user_name, "count": log.count, "createTime": log.create_time.written(),
                    "contact": log.contact, "number": log.number })
        })
        .collect();
    let auths: Value = business.auths.iter().map(|auth| granted(auth, &knobs)).collect();
    let count: u32 = business.auths.iter().map(|a| a.used + a.left).sum();
    let result = json!({
        "id": id(&business.id, &knobs), "tenantName": business.tenant_name, "applyerName": business.applyer_name,
        "applyerContact": business.contact, "applyerNumber": business.number, "subject": business.subject,
        "serialNo": business.serial_no, "count": count, "description": business.description,
        "status": business.status.as_str(), "createTime": business.create_time.written(), "sealAuths": auths,
        "faceImages": photos(Kind::Face), "useImages": photos(Kind::Signatory), "appendLogs": appended,
    });
    Ok(success("result", result))
}

fn granted(auth: &Auth, knobs: &Knobs) -> Value {
    json!({
        "id": id(&auth.id, knobs), "userId": id(&auth.user_id, knobs), "userName": auth.user_name,
        "leftCount": auth.left, "usedCount": auth.used, "vertifyCode": auth.vertify_code,
        "complete": auth.complete, "completeTime": auth.complete_time.map(Timestamp::written),
        "contact": auth.contact, "number": auth.number, "deviceNo": auth.device_no,
    })
}

pub(super) async fn owed(State(engine): State<Arc<Engine>>, query: Query) -> Answer {
    let [contact, number] = ["contact", "number"].map(|n| query.get(n).map(|v| v.trim()).unwrap_or_default());
    if contact.is_empty() && number.is_empty() {
        return Err(Refusal::parameter("contact|number"));
    }
    let (knobs, now) = (engine.knobs(), engine.now());
    let mine = |auth: &&Auth| {
        (!contact.is_empty() && auth.contact == contact) || (!number.is_empty() && auth.number == number)
    };
    let owed = |business: &Business, auth: &Auth| {
        let photos = business
            .photos
            .iter()
            .filter(|p| p.auth_id == auth.id && p.kind == Kind::Signatory && p.exists(now))
            .count();
        let photos = u32::try_from(photos).unwrap_or(u32::MAX);
        (auth.used > photos).then(|| {
            json!({
                "id": id(&auth.id, &knobs), "businessId": id(&business.id, &knobs), "tenantId": COMPANIES[0].id,
                "userId": id(&auth.user_id, &knobs), "userName": auth.user_name, "sealId": id(&auth.seal_id, &knobs),
                "subject": business.subject, "vertifyCode": auth.vertify_code,
                "createTime": business.create_time.written(), "complete": auth.complete,
                "completeTime": auth.complete_time.map(Timestamp::written), "oweUseImageCount": auth.used - photos,
                "useImageCount": photos, "usedCount": auth.used,
            })
        })
    };
    let result: Value = engine.read(|world| {
        let all = world.businesses.iter().flat_map(|b| b.auths.iter().filter(mine).map(move |a| (b, a)));
        all.filter_map(|(business, auth)| owed(business, auth)).collect()
    });
    Ok(success("result", result))
}

pub(super) async fn seals(State(engine): State<Arc<Engine>>, query: Query) -> Answer {
    let knobs = engine.knobs();
    let physical = match query.get("category").map(String::as_str) {
        Some("PHYSICS") => true,
        None | Some("" | "ELECTRONIC") => false,
        Some(_) => return Err(Refusal::parameter("category")),
    };
    let used = |seal: &str| -> u32 {
        engine.read(|w| w.businesses.iter().flat_map(|b| &b.auths).filter(|a| a.seal_id == seal).map(|a| a.used).sum())
    };
    let is_one_of = |list: &[String], device: &str| list.iter().any(|listed| listed == device);
    let state = |device: &str| match device {
        device if is_one_of(&knobs.frozen, device) => "FREEZE",
        device if is_one_of(&knobs.deleted, device) => "DELETE",
        _ => "NORMAL",
    };
    let companies = COMPANIES.iter().map(|company| {
        let seals: Value = SEALS
            .iter()
            .filter(|s| physical && s.owner_name == company.name)
            .map(|s| {
                json!({
                    "id": id(s.id, &knobs), "owner": id(company.id, &knobs), "name": s.name, "type": "COMPANY",
                    "spec": {}, "sealKey": "20190409-5d1a7f0e-4d0b-4d0c-9b0e-1f6a3a0c7e55",
                    "createTime": "2019-04-09 09:18:53", "status": { "key": state(s.device_no), "description": "…" },
                    "useCount": used(s.id), "category": "PHYSICS", "ownerName": s.owner_name,
                    "deviceId": s.device_no, "bluetooth": format!("BT-{}", s.device_no), "location": s.location,
                })
            })
            .collect();
        json!({ "id": id(company.id, &knobs), "name": company.name, "status": 1, "charger": "张伟",
                "certified": true, "seals": seals })
    });
    Ok(success("result", companies.collect()))
}

pub(super) async fn categories(State(engine): State<Arc<Engine>>, query: Query) -> Answer {
    let knobs = engine.knobs();
    let named = query.get("companyName").and_then(|name| COMPANIES.iter().find(|c| c.name == name)).map(|c| c.id);
    let wanted = query.get("companyId").map(String::as_str).or(named);
    let listed = CATEGORIES.iter().filter(|c| wanted.is_none_or(|w| w == c.company)).map(|c| {
        json!({
            "id": id(c.id, &knobs), "name": c.name, "tenantId": id(c.company, &knobs),
            "createTime": "2019-04-09 09:18:53", "primary": false, "state": 1,
            "type": if c.physical { "PHYSICAL" } else { "ELECTRONIC" }, "sealId": null, "config": null,
            "faceSign": false,
        })
    });
    Ok(success("categories", listed.collect()))
}

pub(super) async fn companies(State(engine): State<Arc<Engine>>) -> Answer {
    let knobs = engine.knobs();
    let listed = COMPANIES.iter().map(|c| json!({ "id": id(c.id, &knobs), "name": c.name, "status": 1 }));
    Ok(success("result", listed.collect()))
}
