//! Finds the vendor's seals that a form names. Seal names are not unique, device numbers are.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    app::App,
    db::DbError,
    definition::{Body, FieldError},
    flow::form::{self, Form},
    provider::{INTERACTIVE, Seal},
    seal_use::{Application, SealAtVendor},
    service::Service,
    user::{Directory, User},
};

/// Finds every wanted seal in the vendor's list. Returns a reason for each seal that is not found.
pub(super) fn find(application: &mut Application, seals: &[Seal]) -> Result<(), Vec<(String, String)>> {
    let mut errors: Vec<(String, String)> = Vec::new();
    for want in &mut application.wants {
        match find_seal(&want.seal, seals) {
            Ok(seal) => want.at_vendor = Some(at_vendor(seal)),
            // Several rows can name the same seal.
            Err(why) if errors.iter().all(|(seal, _)| *seal != want.seal) => errors.push((want.seal.clone(), why)),
            Err(_) => {}
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn find_seal<'s>(wanted: &str, seals: &'s [Seal]) -> Result<&'s Seal, String> {
    let usable = || seals.iter().filter(|seal| seal.usable);
    let in_box = usable().find(|seal| seal.device_no.as_deref() == Some(wanted));
    let named: Vec<&Seal> = usable().filter(|seal| seal.name == wanted).collect();
    match (in_box, &named[..]) {
        (Some(seal), _) => Ok(seal),
        (None, [seal]) => Ok(seal),
        (None, []) => Err(format!("the vendor has no physical seal {wanted:?}")),
        (None, several) => {
            let candidates = several.iter().map(|seal| {
                let owner = seal.owner_name.as_deref().or(seal.company.as_deref()).unwrap_or("?");
                format!("{} ({owner})", seal.device_no.as_deref().unwrap_or("no device number"))
            });
            let candidates = candidates.collect::<Vec<_>>().join(", ");
            Err(format!("several seals are called {wanted:?}. Give its device number instead: {candidates}"))
        }
    }
}

fn at_vendor(seal: &Seal) -> SealAtVendor {
    SealAtVendor {
        name: seal.name.clone(),
        device_no: seal.device_no.clone(),
        owner: seal.owner_name.clone().or_else(|| seal.company.clone()),
    }
}

/// Returns a reason for each seal that the vendor keeps but does not let anybody use.
fn frozen(application: &Application, seals: &[Seal]) -> Vec<(String, String)> {
    let is_frozen = |wanted: &&String| find_seal(wanted, seals).is_ok_and(Seal::is_frozen);
    let wanted: BTreeSet<&String> = application.wants.iter().map(|want| &want.seal).collect();
    let why = |wanted: &String| {
        format!("the seal {wanted:?} is frozen at the vendor; choose another seal, or have it released")
    };
    wanted.into_iter().filter(is_frozen).map(|wanted| (wanted.clone(), why(wanted))).collect()
}

/// Returns the errors of the seals that a form names, if the vendor answers quickly. A vendor that is down does not
/// block the submission. In that case the application fails with the same message.
pub async fn check(app: &App, body: &Body, form: &Form, starter: &User) -> Result<Vec<FieldError>, DbError> {
    let Some(integration) = body.enabled_integration() else {
        return Ok(Vec::new());
    };
    let users = Directory::load(&app.db).await?;
    // Other errors of the form are reported when the form is submitted.
    let Ok(mut application) = form::application(integration, form, starter, &users) else {
        return Ok(Vec::new());
    };
    let Ok(client) = Service::client(&app.db, &app.vendor, &integration.service_id).await else {
        return Ok(Vec::new());
    };
    let Ok(Ok(seals)) = tokio::time::timeout(INTERACTIVE, client.seals()).await else {
        return Ok(Vec::new());
    };
    let mut errors = find(&mut application, &seals).err().unwrap_or_default();
    errors.extend(frozen(&application, &seals));
    Ok(errors
        .into_iter()
        .map(|(seal, why)| FieldError::new(place(&integration.seal_field, form, &seal), why))
        .collect())
}

/// Returns the path of the form value that names the seal.
fn place(seal_field: &str, form: &Form, seal: &str) -> String {
    let Some((table, column)) = seal_field.split_once('.') else {
        return format!("form.{seal_field}");
    };
    let names = |row: &Value| match row.get(column) {
        Some(Value::String(name)) => name.trim() == seal,
        Some(Value::Array(names)) => names.iter().any(|name| name.as_str().is_some_and(|name| name.trim() == seal)),
        _ => false,
    };
    let row = form.get(table).and_then(Value::as_array).and_then(|rows| rows.iter().position(names));
    row.map_or_else(|| format!("form.{seal_field}"), |row| format!("form.{table}[{row}].{column}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal_use::Want;

    fn seal(name: &str, device: &str, owner: &str, usable: bool) -> Seal {
        Seal {
            id: device.into(),
            name: name.into(),
            company: None,
            owner_name: Some(owner.into()),
            device_no: Some(device.into()),
            status: None,
            usable,
            location: None,
        }
    }

    fn found(wanted: &str) -> Result<Option<String>, String> {
        let seals = [
            seal("公章", "D1", "上海", true),
            seal("公章", "D2", "北京", true),
            seal("合同专用章", "D3", "上海", true),
            seal("合同专用章", "D4", "上海", false),
        ];
        let want = Want { seal: wanted.into(), count: 1, users: Vec::new(), start: None, end: None, at_vendor: None };
        let mut application = Application { wants: vec![want], ..Application::default() };
        find(&mut application, &seals).map_err(|mut errors| errors.remove(0).1)?;
        Ok(application.wants.remove(0).at_vendor.and_then(|seal| seal.device_no))
    }

    #[test]
    fn a_seal_is_found_by_its_box_or_by_a_name_that_only_one_has() {
        assert_eq!(found("D2"), Ok(Some("D2".into())));
        assert_eq!(found("合同专用章"), Ok(Some("D3".into())), "a deleted seal does not count");
        let several = found("公章").unwrap_err();
        assert!(several.contains("D1 (上海), D2 (北京)"), "{several}");
        assert!(found("财务章").unwrap_err().contains("no physical seal"));
    }

    #[test]
    fn a_seal_that_several_rows_name_is_reported_once() {
        let want =
            |seal: &str| Want { seal: seal.into(), count: 1, users: vec![], start: None, end: None, at_vendor: None };
        let wants = ["甲", "乙", "甲"].map(want).to_vec();
        let errors = find(&mut Application { wants, ..Application::default() }, &[]).unwrap_err();
        assert_eq!(errors.iter().map(|(seal, _)| seal.as_str()).collect::<Vec<_>>(), ["甲", "乙"]);
    }
}
