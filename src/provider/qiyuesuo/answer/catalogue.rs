//! Reads the lists of seals and categories.

use super::read::{Answer, Node};
use crate::provider::{Category, Seal};

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
    // NORMAL, FREEZE, DELETE or INVALID; absent in some versions.
    let status = node.text("status").or_else(|| node.member("status")?.text("key"));
    Some(Seal {
        id: node.text("id")?,
        name: node.name("name")?,
        company,
        owner_name: node.text("ownerName").or_else(|| node.text("owner")),
        device_no: node.name("deviceId").or_else(|| node.name("deviceNo")),
        usable: !matches!(status.as_deref(), Some("DELETE" | "INVALID")),
        status,
        location: node.text("location"),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_or_invalid_seal_is_not_usable() {
        let seal = |status: &str| {
            let text = format!(r#"{{"code":0,"list":[{{"id":"1","name":"公章","status":{status}}}]}}"#);
            seals(&Answer::parse(text).unwrap()).remove(0)
        };
        for usable in ["\"NORMAL\"", "\"FREEZE\"", "{\"key\":\"NORMAL\"}", "null"] {
            assert!(seal(usable).usable, "{usable}");
        }
        for gone in ["\"DELETE\"", "\"INVALID\"", "{\"key\":\"DELETE\"}"] {
            assert!(!seal(gone).usable, "{gone}");
        }
    }
}
