//! Applying for seal use, appending, finishing, changing the time of use.

mod application;

use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use self::application::{Application, Grant};
use super::{
    Answer, Refusal, done, id, success,
    value::{text, time},
};
use crate::{
    catalog,
    engine::Engine,
    form::Form,
    knobs::Knobs,
    state::{AppendLog, Auth, Business, World},
};

pub(super) async fn multiple(State(engine): State<Arc<Engine>>, body: Bytes) -> Answer {
    apply(&engine, &body, false)
}

pub(super) async fn by_category(State(engine): State<Arc<Engine>>, body: Bytes) -> Answer {
    apply(&engine, &body, true)
}

fn apply(engine: &Engine, body: &[u8], by_category: bool) -> Answer {
    let asked: Value = serde_json::from_slice(body).map_err(|e| Refusal::parameter(format!("JSON {e}")))?;
    let knobs = engine.knobs();
    let application = Application { asked: &asked, knobs: &knobs, by_category };
    let grants = application.grants()?;
    let head = application.head(engine.now())?;
    let (business, _) = engine.change(|scene| {
        let business = admit(scene.world, head, &grants);
        Ok((business, Vec::new()))
    })?;
    let mut result = json!({ "id": id(&business.id, &knobs), "status": business.status.as_str() });
    if !(by_category && knobs.category_without_auths) {
        result["sealAuths"] = business.auths.iter().map(|auth| granted(auth, &knobs)).collect();
    }
    Ok(success("result", result))
}

/// Gives the business its id, and every person an auth with a code for every seal.
fn admit(world: &mut World, mut business: Business, grants: &[Grant]) -> Business {
    business.id = world.next_id();
    for grant in grants {
        for (mobile, number) in &grant.users {
            let contact = format!("{mobile}{number}");
            let user: u64 = contact.bytes().fold(7, |sum, b| (sum * 31 + u64::from(b)) % 1_000_000_007);
            business.auths.push(Auth {
                id: world.next_id(),
                user_id: (2_480_000_000_000_000_000 + user).to_string(),
                user_name: catalog::person(&contact).to_owned(),
                contact: mobile.clone(),
                number: number.clone(),
                vertify_code: format!("{:06}", world.chance().below(1_000_000)),
                seal_id: grant.seal.id.to_owned(),
                seal_name: grant.seal.name.to_owned(),
                owner_name: grant.seal.owner_name.to_owned(),
                device_no: grant.seal.device_no.to_owned(),
                left: grant.count,
                used: 0,
                complete: false,
                complete_time: None,
                start_time: grant.start,
                end_time: grant.end,
            });
        }
    }
    world.businesses.push(business.clone());
    business
}

/// An auth as the answers to an application show it. A contact that is not known is left out.
fn granted(auth: &Auth, knobs: &Knobs) -> Value {
    let mut value = json!({
        "id": id(&auth.id, knobs), "userId": id(&auth.user_id, knobs), "userName": auth.user_name,
        "vertifyCode": auth.vertify_code, "sealId": id(&auth.seal_id, knobs), "sealName": auth.seal_name,
        "ownerName": auth.owner_name, "deviceNo": auth.device_no,
    });
    for (name, text) in [("contact", &auth.contact), ("number", &auth.number)] {
        if !text.is_empty() {
            value[name] = text.as_str().into();
        }
    }
    value
}

pub(super) async fn append(State(engine): State<Arc<Engine>>, headers: HeaderMap, body: Bytes) -> Answer {
    let form = Form::read(&headers, body).await?;
    let business = form.required("businessId")?;
    let count = form.required("count")?.parse::<u32>().ok().filter(|c| *c > 0);
    let count = count.ok_or_else(|| Refusal::parameter("count"))?;
    let (contact, number) = form.contact()?;
    let by = AppendLog {
        user_name: form.get("contactName").unwrap_or_else(|| catalog::person(&format!("{contact}{number}"))).to_owned(),
        contact: contact.to_owned(),
        number: number.to_owned(),
        count,
        create_time: engine.now(),
    };
    engine.change(|scene| scene.append(business, count, form.get("deviceNo"), &by))?;
    let (knobs, business) = (engine.knobs(), engine.business(business)?);
    let auths: Value = business.auths.iter().map(|auth| granted(auth, &knobs)).collect();
    let status = business.status.as_str();
    Ok(success("result", json!({ "id": id(&business.id, &knobs), "status": status, "sealAuths": auths })))
}

pub(super) async fn finish(State(engine): State<Arc<Engine>>, headers: HeaderMap, body: Bytes) -> Answer {
    let form = Form::read(&headers, body).await?;
    let (business, reason) = (form.required("businessId")?, form.required("reason")?);
    form.contact()?;
    engine.change(|scene| scene.finish(business, reason, form.get("deviceNo")))?;
    Ok(done())
}

pub(super) async fn window(State(engine): State<Arc<Engine>>, body: Bytes) -> Answer {
    let asked: Value = serde_json::from_slice(&body).map_err(|e| Refusal::parameter(format!("JSON {e}")))?;
    let [business, device, seal, owner] = ["businessId", "deviceNo", "sealName", "ownerName"].map(|n| text(&asked, n));
    let required = |name| time(&asked, name).and_then(|t| t.ok_or_else(|| Refusal::parameter(name)));
    let (start, end) = (required("startTime")?, required("endTime")?);
    if start >= end {
        return Err(Refusal::parameter("startTime > endTime"));
    }
    engine.business(&business)?;
    let same = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
    engine.edit(|world| {
        let auths = world.business_mut(&business).map(|b| b.auths.iter_mut()).into_iter().flatten();
        for auth in auths.filter(|a| {
            !a.complete && same(&device, &a.device_no) && same(&seal, &a.seal_name) && same(&owner, &a.owner_name)
        }) {
            (auth.start_time, auth.end_time) = (Some(start), Some(end));
        }
    });
    Ok(done())
}
