//! What can be chosen from: seals and categories.

use super::read::{Answer, Node};

/// A seal that can be applied for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    pub id: String,
    pub name: String,
    /// The company in whose list it stands.
    pub company: Option<String>,
    /// The owner's name.
    pub owner_name: Option<String>,
    /// The box it is in (`deviceId` or `deviceNo`).
    pub device_no: Option<String>,
    /// NORMAL, FREEZE, DELETE or INVALID; absent in some versions.
    pub status: Option<String>,
    pub location: Option<String>,
}

pub(crate) fn seals(answer: &Answer) -> Vec<Seal> {
    let entries = answer.list(&["result", "list"]);
    let of_entry = |entry: &Node| {
        // `/seal/innercompany/seallist` lists companies with seals; some versions list the seals themselves.
        if entry.has("seals") {
            let company = entry.text("name");
            entry.each("seals", |node| seal(node, company.clone()))
        } else {
            seal(*entry, None).into_iter().collect()
        }
    };
    entries.iter().flat_map(of_entry).collect()
}

fn seal(node: Node, company: Option<String>) -> Option<Seal> {
    Some(Seal {
        id: node.text("id")?,
        name: node.text("name")?,
        company,
        owner_name: node.text("ownerName").or_else(|| node.text("owner")),
        device_no: node.text("deviceId").or_else(|| node.text("deviceNo")),
        status: node.text("status").or_else(|| node.member("status")?.text("key")),
        location: node.text("location"),
    })
}

/// A business category (业务分类).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    pub id: String,
    pub name: String,
    /// ELECTRONIC or PHYSICAL; only the latter is of use here.
    pub kind: Option<String>,
    pub tenant_id: Option<String>,
    /// 0, 1 or 2; the vendor does not say which means what.
    pub state: Option<String>,
}

pub(crate) fn categories(answer: &Answer) -> Vec<Category> {
    let category = |node: &Node| {
        Some(Category {
            id: node.text("id")?,
            name: node.text("name")?,
            kind: node.text("type"),
            tenant_id: node.text("tenantId"),
            state: node.text("state"),
        })
    };
    answer.list(&["categories", "result"]).iter().filter_map(category).collect()
}
