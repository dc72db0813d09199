//! Calls that change a seal use. A call that acts anew each time is sent again only if it surely never arrived: uses
//! that are appended twice are doubled. Setting a time of use twice changes nothing more.

use std::future::ready;

use reqwest::multipart::Form;
use serde::Serialize;

use super::{QiyuesuoClient, answer, application::china, require_business_id};
use crate::{
    clock::Timestamp,
    provider::{
        Actor, Created, ProviderError, SealWindow,
        actor::ActorKey,
        retry::{quietly, retry, retry_if},
    },
};

/// The acting user in the vendor's format.
fn actor_form(actor: &Actor) -> Form {
    let form = match &actor.key {
        ActorKey::Number(number) => Form::new().text("number", number.clone()),
        ActorKey::Contact(contact) => Form::new().text("contact", contact.clone()),
    };
    match &actor.name {
        Some(name) => form.text("contactName", name.clone()),
        None => form,
    }
}

/// Body of `/seal/apply/updateUseSealTime`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WindowBody<'a> {
    business_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_no: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seal_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "china")]
    start_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "china")]
    end_time: Option<Timestamp>,
}

impl<'a> From<&'a SealWindow> for WindowBody<'a> {
    fn from(window: &'a SealWindow) -> Self {
        Self {
            business_id: &window.business_id,
            device_no: window.device_no.as_deref(),
            seal_name: window.seal_name.as_deref(),
            owner_name: window.owner_name.as_deref(),
            start_time: window.start,
            end_time: window.end,
        }
    }
}

impl QiyuesuoClient {
    pub async fn append(
        &self,
        business_id: &str,
        count: u32,
        by: &Actor,
        device_no: Option<&str>,
    ) -> Result<Created, ProviderError> {
        require_business_id(business_id)?;
        let send = |_| async {
            let form = actor_form(by).text("businessId", business_id.to_owned()).text("count", count.to_string());
            let request = self.post("seal/apply/append").multipart(of_device(form, device_no));
            answer::appended(&self.json(request).await?, business_id)
        };
        retry_if(&self.shared.limits.retry, ProviderError::surely_never_arrived, send, quietly).await
    }

    pub async fn set_window(&self, window: &SealWindow) -> Result<(), ProviderError> {
        require_business_id(&window.business_id)?;
        let body = WindowBody::from(window);
        let send = |_| async { self.json(self.post("seal/apply/updateUseSealTime").json(&body)).await.map(|_| ()) };
        // The first try that may have arrived decides the error: a later failure does not undo it.
        let mut lost = None;
        let note = |_, error: ProviderError| {
            if error.unclear() {
                lost.get_or_insert(error);
            }
            ready(())
        };
        let answer = retry(&self.shared.limits.retry, send, note).await;
        answer.map_err(|last| lost.unwrap_or(last))
    }

    pub async fn finish(
        &self,
        business_id: &str,
        reason: &str,
        by: &Actor,
        device_no: Option<&str>,
    ) -> Result<(), ProviderError> {
        require_business_id(business_id)?;
        let send = |_| async {
            let form = actor_form(by).text("businessId", business_id.to_owned()).text("reason", reason.to_owned());
            self.json(self.post("seal/apply/finish").multipart(of_device(form, device_no))).await.map(|_| ())
        };
        retry_if(&self.shared.limits.retry, ProviderError::surely_never_arrived, send, quietly).await
    }
}

fn of_device(form: Form, device_no: Option<&str>) -> Form {
    match device_no {
        Some(device_no) => form.text("deviceNo", device_no.to_owned()),
        None => form,
    }
}
