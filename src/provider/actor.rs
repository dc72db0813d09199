//! The user in whose name a seal use is changed.

use super::AppendLog;

/// A person who acts at the provider. The provider finds the person by employee number, else by phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub(super) key: ActorKey,
    pub(super) name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ActorKey {
    Number(String),
    Contact(String),
}

impl Actor {
    /// Takes the employee number if there is one, else the phone. `None` if both are missing or blank.
    #[must_use]
    pub fn new(number: Option<&str>, contact: Option<&str>, name: &str) -> Option<Self> {
        let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let key = given(number).map(ActorKey::Number).or_else(|| given(contact).map(ActorKey::Contact))?;
        Some(Self { key, name: given(Some(name)) })
    }

    /// Returns true if the provider's log names this person.
    #[must_use]
    pub fn made(&self, log: &AppendLog) -> bool {
        match &self.key {
            ActorKey::Number(number) => log.number.as_ref() == Some(number),
            ActorKey::Contact(contact) => log.contact.as_ref() == Some(contact),
        }
    }
}
