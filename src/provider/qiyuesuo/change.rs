//! Calls that change a seal use. What does something each time is sent again only if it surely never arrived: uses
//! appended twice are doubled. A time of use that is set twice is the same time.

use std::future::ready;

use reqwest::multipart::Form;
use serde::Serialize;

use super::{AppendLog, Client, Created, application::china, known_business};
use crate::{
    clock::Timestamp,
    provider::{
        ProviderError,
        retry::{quietly, retry, retry_if},
    },
};

/// Who does something at the vendor, who knows people by employee number or phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    key: Key,
    name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Number(String),
    Contact(String),
}

impl Actor {
    /// By employee number, else by phone; `None` when there is neither.
    #[must_use]
    pub fn new(number: Option<&str>, contact: Option<&str>, name: &str) -> Option<Self> {
        let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let key = given(number).map(Key::Number).or_else(|| given(contact).map(Key::Contact))?;
        Some(Self { key, name: given(Some(name)) })
    }

    /// Whether the vendor says that this person appended.
    #[must_use]
    pub fn made(&self, log: &AppendLog) -> bool {
        match &self.key {
            Key::Number(number) => log.number.as_ref() == Some(number),
            Key::Contact(contact) => log.contact.as_ref() == Some(contact),
        }
    }

    fn form(&self) -> Form {
        let form = match &self.key {
            Key::Number(number) => Form::new().text("number", number.clone()),
            Key::Contact(contact) => Form::new().text("contact", contact.clone()),
        };
        match &self.name {
            Some(name) => form.text("contactName", name.clone()),
            None => form,
        }
    }
}

/// The time in which seals may be used. Without a selector it means all seals that have not ended.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SealWindow {
    pub business_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_no: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "china")]
    pub start_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "china")]
    pub end_time: Option<Timestamp>,
}

impl Client {
    /// Adds `count` uses: to every seal, or to the one in the box `device_no`. An ended seal use is in use again.
    /// After any failure but a refusal the uses may have been added: [`Client::detail`] lists what was.
    pub async fn append(
        &self,
        business_id: &str,
        count: u32,
        by: &Actor,
        device_no: Option<&str>,
    ) -> Result<Created, ProviderError> {
        known_business(business_id)?;
        let send = |_| async {
            let form = by.form().text("businessId", business_id.to_owned()).text("count", count.to_string());
            let request = self.post("seal/apply/append").multipart(of_device(form, device_no));
            Created::appended(&self.json(request).await?, business_id)
        };
        retry_if(&self.shared.limits.retry, ProviderError::surely_never_arrived, send, quietly).await
    }

    /// Changes the time in which seals may be used. Repeated after a lost answer too: it says how it is to be. When no
    /// try succeeds, the first that may have been done all the same tells: what follows it takes nothing back.
    pub async fn set_window(&self, window: &SealWindow) -> Result<(), ProviderError> {
        known_business(&window.business_id)?;
        let send = |_| async { self.json(self.post("seal/apply/updateUseSealTime").json(window)).await.map(|_| ()) };
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

    /// Ends use: of all seals, or of the one in the box `device_no`.
    pub async fn finish(
        &self,
        business_id: &str,
        reason: &str,
        by: &Actor,
        device_no: Option<&str>,
    ) -> Result<(), ProviderError> {
        known_business(business_id)?;
        let send = |_| async {
            let form = by.form().text("businessId", business_id.to_owned()).text("reason", reason.to_owned());
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
