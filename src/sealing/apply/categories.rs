//! The category beside an application whose form names the seal users. This call takes its id only.

use super::ApplyError;
use crate::provider::{Category, Client};

/// Returns the id of the category that the form names by name or id.
pub(super) async fn id_of(client: &Client, named: &str) -> Result<String, ApplyError> {
    id_in(&client.categories().await?, named).map_err(ApplyError::Impossible)
}

fn id_in(categories: &[Category], named: &str) -> Result<String, String> {
    let physical = || categories.iter().filter(|category| category.is_physical());
    if let Some(category) = physical().find(|category| category.id == named) {
        return Ok(category.id.clone());
    }
    let ids: Vec<&str> = physical().filter(|category| category.name == named).map(|found| found.id.as_str()).collect();
    match ids[..] {
        [id] => Ok(id.to_owned()),
        [] => Err(format!("the vendor has no category {named:?} for physical seals")),
        _ => Err(format!("several categories are called {named:?}. Give its id instead: {}", ids.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_found_by_its_id_or_by_a_name_that_only_one_has() {
        let category = |id: &str, name: &str, kind: &str| Category {
            id: id.into(),
            name: name.into(),
            kind: Some(kind.into()),
            tenant_id: None,
            state: None,
        };
        let all = [
            category("1", "物理用印", "PHYSICAL"),
            category("2", "外带", "PHYSICAL"),
            category("3", "外带", "PHYSICAL"),
            category("4", "电子", "ELECTRONIC"),
        ];
        assert_eq!(id_in(&all, "物理用印"), Ok("1".into()));
        assert_eq!(id_in(&all, "3"), Ok("3".into()));
        assert!(id_in(&all, "外带").unwrap_err().contains("2, 3"));
        for unknown in ["电子", "4", "别的"] {
            assert!(id_in(&all, unknown).unwrap_err().contains("no category"), "{unknown}");
        }
    }
}
