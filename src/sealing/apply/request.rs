//! The application that is sent to the provider.

use crate::{
    app::App,
    id::SealUseId,
    provider::{GivenApproval, PersonRef, RequestedSeal, SealRequest},
    seal_use::{Application, Person, SealUse, Want},
};

/// `documents` are the provider's ids of the documents to be stamped.
pub(super) fn to_request(
    app: &App,
    seal_use: &SealUse,
    application: &Application,
    documents: Vec<String>,
    approvals: Vec<GivenApproval>,
) -> SealRequest {
    let applicant = &application.applicant;
    SealRequest {
        tenant_name: application.tenant_name.clone(),
        subject: application.subject.clone(),
        category: application.category.clone().or_else(|| application.category_beside.clone()),
        serial_no: Some(seal_use.serial_no.clone()),
        description: application.description.clone(),
        applicant_name: Some(applicant.name.clone()),
        applicant: to_person(applicant),
        seals: application.wants.iter().map(to_seal).collect(),
        documents,
        callback_url: Some(callback_url(app, &seal_use.id)),
        approvals,
    }
}

/// Names a seal by the number of its box if that is known: seal names are not unique.
fn to_seal(want: &Want) -> RequestedSeal {
    let seal = want.at_vendor.as_ref();
    let device_no = seal.and_then(|seal| seal.device_no.clone());
    RequestedSeal {
        seal_name: if device_no.is_some() { None } else { seal.map(|seal| seal.name.clone()) },
        device_no,
        owner_name: seal.and_then(|seal| seal.owner.clone()),
        count: want.count,
        start: want.start,
        end: want.end,
        users: want.users.iter().map(to_person).collect(),
    }
}

fn to_person(person: &Person) -> PersonRef {
    PersonRef { mobile: person.mobile.clone(), number: person.number.clone() }
}

/// The address that the vendor calls. It carries our seal use's id, so a callback finds the seal use even if the
/// vendor's answer was lost.
fn callback_url(app: &App, seal_use: &SealUseId) -> String {
    let mut url = app.config.public_url.clone();
    // Behind a proxy the public address may have a path of its own.
    url.set_path(&format!("{}/papi/signcenter/qiyuesuo/categoryCallback", url.path().trim_end_matches('/')));
    url.query_pairs_mut().clear().append_pair("sealUse", seal_use.as_str());
    if let Some(secret) = &app.config.callback.secret {
        url.query_pairs_mut().append_pair("key", secret.expose());
    }
    url.to_string()
}
