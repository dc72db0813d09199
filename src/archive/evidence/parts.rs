//! The files of a package by place, for people that are about to download it.

use serde::Serialize;

use super::EvidenceError;
use crate::{
    bundle::{
        plan::{DamagedPlan, FrozenPlan},
        record::Bundle,
    },
    store::{Store, StoreKey},
};

/// The files of one place in a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PackagePart {
    /// `图片`, `用印文件`, `用印后文件`, `metadata`, `用印报告`, `缺失清单`, or `校验` for the files of the check.
    pub name: String,
    pub entries: u64,
    pub bytes: u64,
}

/// Returns the parts of a package in the order of the zip.
pub async fn of(store: &Store, bundle: &Bundle) -> Result<Vec<PackagePart>, EvidenceError> {
    let key = bundle.plan_key.clone().ok_or(DamagedPlan)?;
    let plan = FrozenPlan::decode(&store.get(&StoreKey::Raw(key)).await?)?;
    let mut parts: Vec<PackagePart> = Vec::new();
    for entry in &plan.entries {
        let name = place(&entry.name);
        match parts.iter_mut().find(|part| part.name == name) {
            Some(part) => {
                part.entries += 1;
                part.bytes += entry.bytes;
            }
            None => parts.push(PackagePart { name: name.to_owned(), entries: 1, bytes: entry.bytes }),
        }
    }
    Ok(parts)
}

fn place(path: &str) -> &str {
    let mut words = path.split('/').skip(1);
    match (words.next(), words.next()) {
        (Some("data"), Some(file)) => file.split(['.', '-']).next().unwrap_or(file),
        _ => "校验",
    }
}
