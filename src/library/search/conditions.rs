//! The conditions of a search, as conditions of a statement.

use super::Search;
use crate::{
    db::{Arg, filter::Filtered, padded},
    id::UserId,
    photo::kind::PhotoKind,
};

/// Returns the values as a list of parameters.
pub(super) fn listed(filtered: &mut Filtered, values: &[String]) -> String {
    padded(values).into_iter().map(|value| filtered.arg(value)).collect::<Vec<_>>().join(", ")
}

/// The engines read the index of the list and no index of such a condition.
fn as_value(condition: impl AsRef<str>) -> String {
    format!("COALESCE({}, FALSE)", condition.as_ref())
}

impl Search {
    /// Returns the conditions on a document `d`.
    pub(in crate::library) fn conditions(&self, filtered: &mut Filtered) -> Vec<String> {
        let equal = self.equal(filtered);
        let mut conditions = self.time(filtered);
        conditions.extend(self.place(filtered));
        conditions.extend(self.content(filtered));
        if let Some(flows) = &self.owing {
            let flows: Vec<String> = flows.iter().map(ToString::to_string).collect();
            let list = listed(filtered, &flows);
            conditions.push(if flows.is_empty() { "FALSE".to_owned() } else { format!("d.flow_id IN ({list})") });
        }
        if let Some(mime) = &self.mime {
            let of_document = "(SELECT c.mime FROM originals c WHERE c.hash = d.original_hash)";
            let (mime, of_kind) = (filtered.arg(mime.as_str()), filtered.arg(format!("{}/", mime.as_str())));
            conditions.push(format!("({of_document} = {mime} OR {{position}}({of_document}, {of_kind}) = 1)"));
        }
        conditions.extend(self.words(filtered));
        equal.into_iter().chain(conditions.iter().map(as_value)).collect()
    }

    /// Returns the conditions on columns of a document `d`, as values.
    pub(super) fn equal(&self, filtered: &mut Filtered) -> Vec<String> {
        let equal: [(&str, Option<Arg>); 4] = [
            ("d.flow_id", self.flow.as_ref().map(Arg::from)),
            ("d.kind", self.kind.map(|kind| Arg::from(PhotoKind::as_str(kind)))),
            ("d.seal", self.seal.as_deref().map(Arg::from)),
            ("d.username", self.user.as_deref().map(Arg::from)),
        ];
        let set = equal.into_iter().filter_map(|(column, value)| Some((column, value?)));
        set.map(|(column, value)| as_value(format!("{column} = {}", filtered.arg(value)))).collect()
    }

    /// Returns true if the search has a condition beside its place.
    pub(in crate::library) fn has_condition(&self) -> bool {
        self.seal.is_some()
            || self.user.is_some()
            || self.mime.is_some()
            || !self.q.is_empty()
            || self.flow.is_some()
            || self.hash.is_some()
            || self.kind.is_some()
            || self.from.is_some()
            || self.to.is_some()
            || self.owing.is_some()
    }

    pub(super) fn time(&self, filtered: &mut Filtered) -> Vec<String> {
        let mut conditions = Vec::new();
        conditions.extend(self.from.map(|from| format!("d.received_at >= {}", filtered.arg(from))));
        conditions.extend(self.to.map(|to| format!("d.received_at < {}", filtered.arg(to))));
        conditions
    }

    /// Returns the condition that each word is in the words of the flow or in a name of the document.
    fn words(&self, filtered: &mut Filtered) -> Option<String> {
        let has = |word: &str| {
            let word = filtered.arg(word);
            format!(
                " AND ({{position}}(o.text, {word}) > 0 OR {{position}}(COALESCE(d.folded_names, lower(d.name {{ascii}})), {word}) > 0)"
            )
        };
        let words = self.q.iter().map(has).collect::<Vec<_>>().concat();
        (!words.is_empty())
            .then(|| format!("EXISTS (SELECT 1 FROM search_owners o WHERE o.owner = COALESCE(d.flow_id, d.id){words})"))
    }

    /// Returns the condition on the original of a document.
    pub(super) fn content(&self, filtered: &mut Filtered) -> Option<String> {
        let hash = filtered.arg(self.hash.as_ref()?.as_str());
        Some(format!(
            "d.original_hash IN (SELECT h.hash FROM originals h WHERE h.hash = {hash} UNION
               SELECT h.hash FROM originals h WHERE h.sha256 = {hash} UNION SELECT h.hash FROM originals h WHERE h.sm3 = {hash})"
        ))
    }

    /// Returns the condition on the place of a document.
    pub(super) fn place(&self, filtered: &mut Filtered) -> Option<String> {
        if let Some(folder) = &self.folder {
            let folder = filtered.arg(folder);
            return Some(if self.deep {
                // The ids down to a folder begin the lineage of each folder below it.
                format!(
                    "d.folder_id IN (SELECT f.id FROM folders t JOIN folders f ON f.lineage >= t.lineage AND f.lineage < t.lineage || 'g'
                       WHERE t.id = {folder})"
                )
            } else {
                format!("d.folder_id = {folder}")
            });
        }
        let space = filtered.arg(self.space?);
        let owner = filtered.arg(self.owner.as_ref().map(UserId::as_str).unwrap_or_default());
        Some(format!("d.folder_id IN (SELECT f.id FROM folders f WHERE f.space = {space} AND f.owner = {owner})"))
    }
}
