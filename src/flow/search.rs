//! The words by which searches find a flow and all its documents: its subject, serial number and organisation, its seals
//! and its people. The search index has them ([`library::search_terms`](crate::library::search_terms)). A user who gets
//! another name is found by it in later flows; `yinku reindex` writes it for all.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Flow, form::Form};
use crate::{
    db::{DbError, Tx, sql},
    definition::{Body, Definition, Field, FieldType},
    id::{FlowId, SealUseId},
    library::search_terms,
    seal_use::{Grant, SealUse},
    user::people::display_names,
};

/// Writes the words of the flow.
pub async fn write(tx: &mut Tx, flow: &Flow) -> Result<(), DbError> {
    let body = Definition::version(&mut *tx, &flow.definition_id, flow.version).await?.body;
    let mut named = Named::in_form(&body, &flow.values()?);
    named.people.insert(flow.starter.clone());
    let uses = SealUse::of_flow(&mut *tx, &flow.id).await?;
    let uses: Vec<&SealUseId> = uses.iter().map(|seal_use| &seal_use.id).collect();
    for grant in Grant::of_seal_uses(&mut *tx, &uses).await? {
        named.add_grant(grant);
    }
    let mut words = vec![flow.serial_no.clone(), flow.title.clone()];
    words.extend(named.words(tx).await?);
    search_terms::put_flow(tx, &flow.id, &words).await
}

/// Adds the seals and people of the grants of a seal use to the words of its flow.
pub async fn add_grants(tx: &mut Tx, flow: &FlowId, seal_use: &SealUseId) -> Result<(), DbError> {
    let mut named = Named::default();
    for grant in Grant::of_seal_use(&mut *tx, seal_use).await? {
        named.add_grant(grant);
    }
    let words = named.words(tx).await?;
    search_terms::add_words(tx, flow, &words).await
}

/// Writes the terms of the next flows and of their documents anew. Returns the last of them, or `None` after the last.
pub async fn make_anew(tx: &mut Tx, after: &str, count: i64) -> Result<Option<String>, DbError> {
    let next: Vec<FlowId> = sql("SELECT id FROM flows WHERE id > $1 ORDER BY id LIMIT $2")
        .bind(after)
        .bind(count)
        .scalars(&mut *tx)
        .await?;
    for id in &next {
        let Some(flow) = Flow::lock(tx, id).await? else { continue };
        write_anew(tx, &flow).await?;
    }
    Ok(next.last().map(ToString::to_string))
}

/// Writes the terms of the flow and of its documents anew, at the flow's present place in lists.
pub(super) async fn write_anew(tx: &mut Tx, flow: &Flow) -> Result<(), DbError> {
    let names: Vec<String> =
        sql("SELECT COALESCE(folded_names, lower(name {ascii})) FROM documents WHERE flow_id = $1")
            .bind(&flow.id)
            .scalars(&mut *tx)
            .await?;
    search_terms::forget(tx, &flow.id).await?;
    write(tx, flow).await?;
    search_terms::add(tx, &flow.id, &names).await
}

/// What a form and the grants name.
#[derive(Default)]
struct Named {
    /// Usernames.
    people: BTreeSet<String>,
    /// Organisation and seals.
    others: BTreeSet<String>,
}

impl Named {
    fn in_form(body: &Body, form: &Form) -> Self {
        let mut named = Self::default();
        named.add_fields(&body.fields, form);
        let organisation = body.integration.as_ref().and_then(|one| form.get(&one.organisation_field));
        named.others.extend(organisation.into_iter().flat_map(texts));
        named
    }

    fn add_grant(&mut self, grant: Grant) {
        self.others.extend([grant.seal, grant.user_name]);
        self.people.extend(grant.username);
    }

    fn add_fields(&mut self, fields: &[Field], form: &Form) {
        for field in fields {
            let Some(value) = form.get(&field.key) else { continue };
            match field.field_type {
                FieldType::User | FieldType::Users => self.people.extend(texts(value)),
                FieldType::Seal | FieldType::Seals => self.others.extend(texts(value)),
                FieldType::Table => {
                    let columns = field.columns.as_deref().unwrap_or_default();
                    for row in value.as_array().into_iter().flatten().filter_map(Value::as_object) {
                        self.add_fields(columns, row);
                    }
                }
                _ => {}
            }
        }
    }

    /// Returns the words. People are found by username and by display name.
    async fn words(self, tx: &mut Tx) -> Result<Vec<String>, DbError> {
        let names = display_names(&mut *tx, self.people.iter().cloned()).await?;
        Ok(self.others.into_iter().chain(self.people).chain(names.into_values()).collect())
    }
}

/// Returns the text, or the texts of a list.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
