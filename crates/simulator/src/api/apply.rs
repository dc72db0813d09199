//! Applying for seal use, appending, finishing, changing the time of use.

use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use super::{Answer, Refusal, done, id, success};
use crate::{
    catalog::{self, CATEGORIES, COMPANIES, SEALS, Seal},
    clock::Timestamp,
    engine::Engine,
    form::Form,
    knobs::Knobs,
    state::{AppendLog, Auth, Business, Status, World},
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

struct Application<'a> {
    asked: &'a Value,
    knobs: &'a Knobs,
    by_category: bool,
}

/// One seal for some people.
struct Grant {
    seal: &'static Seal,
    count: u32,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    /// Mobile and number.
    users: Vec<(String, String)>,
}

impl Application<'_> {
    /// The business without its id and auths.
    fn head(&self, now: Timestamp) -> Result<Business, Refusal> {
        let asked = self.asked;
        let category = self.category()?;
        let mut tenant_name = text(asked, "tenantName");
        if tenant_name.is_empty() {
            let company = category.filter(|_| self.by_category).map(|c| c.company);
            let company = COMPANIES.iter().find(|c| Some(c.id) == company);
            company.ok_or_else(|| Refusal::parameter("tenantName"))?.name.clone_into(&mut tenant_name);
        }
        if self.knobs.strict_tenant && !COMPANIES.iter().any(|c| c.name == tenant_name) {
            return Err(Refusal::parameter("tenantName 公司不存在"));
        }
        let subject = text(asked, "subject");
        if subject.is_empty() {
            return Err(Refusal::parameter("subject"));
        }
        let (contact, number) = (text(asked, "applyerContact"), text(asked, "applyerNumber"));
        if contact.is_empty() && number.is_empty() {
            return Err(Refusal::parameter("applyerContact|applyerNumber"));
        }
        let applyer_name = match text(asked, "applyerName") {
            name if name.is_empty() => catalog::person(&format!("{contact}{number}")).to_owned(),
            name => name,
        };
        let documents = asked["documents"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(Business {
            id: String::new(),
            tenant_name,
            subject,
            serial_no: text(asked, "serialNo"),
            description: text(asked, "description"),
            category_id: category.map(|c| c.id.to_owned()),
            applyer_name,
            contact,
            number,
            callback_url: Some(text(asked, "callbackUrl")).filter(|url| !url.is_empty()),
            status: Status::Using,
            create_time: now,
            auths: Vec::new(),
            photos: Vec::new(),
            append_logs: Vec::new(),
            documents: documents.iter().map(scalar).collect(),
            flow_nodes: self.flow_nodes()?,
            used_files: Vec::new(),
            finish_reason: None,
        })
    }

    /// Approvals are taken by category only; each must be whole.
    fn flow_nodes(&self) -> Result<Value, Refusal> {
        let nodes = self.asked["flowNodes"].as_array().filter(|_| self.by_category);
        for node in nodes.into_iter().flatten() {
            let data = &node["operatorData"];
            let texts = [&node["name"], &data["operateType"]].into_iter().all(|value| !scalar(value).is_empty());
            let known = ["mobile", "number"].iter().any(|key| !scalar(&data["operator"][*key]).is_empty());
            if !texts || !known || scalar(&node["category"]) != "SEAL_AUDIT" {
                return Err(Refusal::parameter("flowNodes"));
            }
            time(node, "createTime")?;
            time(node, "completeTime")?;
        }
        Ok(nodes.map_or(Value::Null, |nodes| Value::Array(nodes.clone())))
    }

    fn category(&self) -> Result<Option<&'static catalog::Category>, Refusal> {
        let (wanted, name) = (text(self.asked, "categoryId"), text(self.asked, "categoryName"));
        if wanted.is_empty() && name.is_empty() {
            return if self.by_category { Err(Refusal::parameter("categoryId|categoryName")) } else { Ok(None) };
        }
        if wanted.is_empty() && !self.by_category {
            return Ok(None);
        }
        if wanted.is_empty() && text(self.asked, "tenantName").is_empty() {
            return Err(Refusal::parameter("tenantName"));
        }
        let found = CATEGORIES.iter().find(|c| if wanted.is_empty() { c.name == name } else { c.id == wanted });
        let found = found.filter(|c| c.physical).ok_or_else(|| Refusal::parameter("categoryId 业务分类不存在"))?;
        Ok(Some(found))
    }

    fn grants(&self) -> Result<Vec<Grant>, Refusal> {
        let auths = self.asked["auths"].as_array().filter(|a| !a.is_empty());
        auths.ok_or_else(|| Refusal::parameter("auths"))?.iter().map(|auth| self.grant(auth)).collect()
    }

    fn grant(&self, auth: &Value) -> Result<Grant, Refusal> {
        let count = scalar(&auth["count"]).parse::<u32>().ok().filter(|c| *c > 0);
        let users = if self.by_category {
            vec![(text(self.asked, "applyerContact"), text(self.asked, "applyerNumber"))]
        } else {
            let users = auth["users"].as_array().filter(|u| !u.is_empty());
            let users = users.ok_or_else(|| Refusal::parameter("auths.users"))?;
            users.iter().map(|user| (text(user, "mobile"), text(user, "number"))).collect()
        };
        if !self.by_category && users.iter().any(|(mobile, number)| mobile.is_empty() && number.is_empty()) {
            return Err(Refusal::parameter("auths.users.mobile|number"));
        }
        Ok(Grant {
            seal: self.seal(auth)?,
            count: count.ok_or_else(|| Refusal::parameter("auths.count"))?,
            start: time(auth, "startTime")?,
            end: time(auth, "endTime")?,
            users,
        })
    }

    fn seal(&self, auth: &Value) -> Result<&'static Seal, Refusal> {
        let (device, name, owner) = (text(auth, "deviceNo"), text(auth, "sealName"), text(auth, "ownerName"));
        if !device.is_empty() {
            let found = SEALS.iter().find(|s| s.device_no == device);
            return found.ok_or_else(|| Refusal::parameter(format!("auths.deviceNo {device} 设备不存在")));
        }
        if name.is_empty() {
            return Err(Refusal::parameter("auths.deviceNo|sealName"));
        }
        if self.by_category && owner.is_empty() {
            return Err(Refusal::parameter("auths.ownerName"));
        }
        let named: Vec<_> = SEALS.iter().filter(|s| s.name == name).collect();
        let owner = if owner.is_empty() { text(self.asked, "tenantName") } else { owner };
        match (named.iter().find(|s| s.owner_name == owner), named.as_slice()) {
            (Some(seal), _) => Ok(seal),
            (None, [only]) => Ok(only),
            _ => Err(Refusal::parameter(format!("auths.sealName {name} 印章不存在或不唯一"))),
        }
    }
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

fn text(value: &Value, name: &str) -> String {
    scalar(&value[name])
}

/// Text or number as text; anything else is absent.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

fn time(value: &Value, name: &'static str) -> Result<Option<Timestamp>, Refusal> {
    match text(value, name) {
        text if text.is_empty() => Ok(None),
        text => Timestamp::read(&text).map(Some).ok_or_else(|| Refusal::parameter(name)),
    }
}
