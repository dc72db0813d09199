//! The application in the vendor's words.

use crate::{
    app::App,
    id::SealUseId,
    provider::qiyuesuo::{self, ApplicationAuth, FlowNode, SealUser, is_business_id},
    seal_use::{Application, Person, SealUse, Want},
};

/// `documents` are the vendor's ids of what is to be stamped.
pub(super) fn to_request(
    app: &App,
    seal_use: &SealUse,
    application: &Application,
    documents: Vec<String>,
    flow_nodes: Vec<FlowNode>,
) -> qiyuesuo::Application {
    let category = application.category.as_deref();
    let by_id = category.filter(|category| is_business_id(category));
    qiyuesuo::Application {
        tenant_name: application.tenant_name.clone(),
        subject: application.subject.clone(),
        category_id: by_id.map(str::to_owned),
        category_name: category.filter(|_| by_id.is_none()).map(str::to_owned),
        serial_no: Some(seal_use.serial_no.clone()),
        description: application.description.clone(),
        applyer_name: Some(application.applicant.name.clone()),
        applyer_contact: application.applicant.mobile.clone(),
        applyer_number: application.applicant.number.clone(),
        auths: application.wants.iter().map(to_auth).collect(),
        documents,
        callback_url: Some(callback_url(app, &seal_use.id)),
        flow_nodes,
    }
}

/// A seal is sent by its box's number where that is known: names are not unique.
fn to_auth(want: &Want) -> ApplicationAuth {
    let seal = want.at_vendor.as_ref();
    let device_no = seal.and_then(|seal| seal.device_no.clone());
    ApplicationAuth {
        seal_name: if device_no.is_some() { None } else { seal.map(|seal| seal.name.clone()) },
        device_no,
        owner_name: seal.and_then(|seal| seal.owner.clone()),
        count: want.count,
        start_time: want.start,
        end_time: want.end,
        users: want.users.iter().map(to_user).collect(),
    }
}

pub(super) fn to_user(person: &Person) -> SealUser {
    SealUser { mobile: person.mobile.clone(), number: person.number.clone() }
}

/// Where the vendor is to call: the address carries our seal use's id, so that a callback finds it even when the
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
