//! Checks an application member by member, as the vendor does, and refuses the first that is missing or wrong.

use serde_json::Value;

use crate::{
    api::{
        Refusal,
        value::{scalar, text, time},
    },
    catalog::{self, CATEGORIES, COMPANIES, Category, SEALS, Seal},
    clock::Timestamp,
    knobs::Knobs,
    state::{Business, Status},
};

/// An application as it came, before it is checked.
pub(super) struct Application<'a> {
    pub(super) asked: &'a Value,
    pub(super) knobs: &'a Knobs,
    pub(super) by_category: bool,
}

/// One seal for some people.
pub(super) struct Grant {
    pub(super) seal: &'static Seal,
    pub(super) count: u32,
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
    /// Mobile and number.
    pub(super) users: Vec<(String, String)>,
}

impl Application<'_> {
    /// The business without its id and auths.
    pub(super) fn head(&self, now: Timestamp) -> Result<Business, Refusal> {
        let asked = self.asked;
        let category = self.category()?;
        let tenant_name = self.tenant_name(category)?;
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

    /// The company that is named, or with a category the company of the category.
    fn tenant_name(&self, category: Option<&Category>) -> Result<String, Refusal> {
        let mut tenant_name = text(self.asked, "tenantName");
        if tenant_name.is_empty() {
            let company = category.filter(|_| self.by_category).map(|c| c.company);
            let company = COMPANIES.iter().find(|c| Some(c.id) == company);
            company.ok_or_else(|| Refusal::parameter("tenantName"))?.name.clone_into(&mut tenant_name);
        }
        if self.knobs.strict_tenant && !COMPANIES.iter().any(|c| c.name == tenant_name) {
            return Err(Refusal::parameter("tenantName 公司不存在"));
        }
        Ok(tenant_name)
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

    fn category(&self) -> Result<Option<&'static Category>, Refusal> {
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

    pub(super) fn grants(&self) -> Result<Vec<Grant>, Refusal> {
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
