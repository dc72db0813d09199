//! Writes the search index: one owner for each flow, each document without a flow and each folder, with its terms.
//!
//! The rows are written in the transaction of what they describe. Terms are only added: a term that an owner has no more
//! makes the owner a candidate, and the search then compares the texts. The name of a folder is a term of that folder
//! alone, so a folder that moves changes no row here.

use std::collections::HashSet;

use sqlx::FromRow;

use super::search::terms::terms;
use crate::{
    db::{Db, DbError, On, Tx, folded, padded, pieces, placeholders, rows, sql},
    id::{DocumentId, FlowId, FolderId, ListKey},
};

/// What an owner is: the first letter of its terms. A search for flows reads no term of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A flow, with its words and the names of its documents.
    Flow,
    /// A document without a flow.
    Document,
    Folder,
}

impl Class {
    pub(super) const fn letter(self) -> char {
        match self {
            Self::Flow => 'f',
            Self::Document => 'd',
            Self::Folder => 'p',
        }
    }

    /// Returns `term` as the index has it.
    pub(super) fn of(self, term: &str) -> String {
        format!("{}{term}", self.letter())
    }

    /// The term that each owner of this class has.
    pub(super) fn each(self) -> String {
        self.letter().to_string()
    }
}

#[derive(FromRow)]
struct OwnerRow {
    no: i64,
    text: String,
}

/// Writes the words of a flow: subject, serial number, organisation, seals, people. Words that are not in `words` no more
/// do not find the flow no more.
pub async fn put_flow(tx: &mut Tx, flow: &FlowId, words: &[String]) -> Result<(), DbError> {
    put(tx, Class::Flow, flow.as_str(), &lines(words)).await
}

/// Adds words to those of a flow.
pub async fn add_words(tx: &mut Tx, flow: &FlowId, words: &[String]) -> Result<(), DbError> {
    let Some(owner) = owner(&mut *tx, flow.as_str()).await? else { return put_flow(tx, flow, words).await };
    let known: HashSet<&str> = owner.text.split('\n').collect();
    let mut new: Vec<String> = words.iter().map(|word| folded(word)).filter(|word| !known.contains(&**word)).collect();
    new.sort_unstable();
    new.dedup();
    new.retain(|word| !word.is_empty());
    if new.is_empty() {
        return Ok(());
    }
    let text = [owner.text.as_str(), &new.join("\n")].join("\n");
    put(tx, Class::Flow, flow.as_str(), text.trim()).await
}

/// Makes documents of `flow` findable by their names. A document that gets another name stays findable by the earlier
/// one.
pub async fn add(tx: &mut Tx, flow: &FlowId, names: &[String]) -> Result<(), DbError> {
    if names.is_empty() {
        return Ok(());
    }
    let no = match owner(&mut *tx, flow.as_str()).await? {
        Some(owner) => owner.no,
        None => insert_owner(tx, Class::Flow, flow.as_str(), "").await?,
    };
    insert_terms(tx, Class::Flow, no, &terms(&lines(names))).await
}

/// Makes a document without a flow findable by its name, and by the names that its row has.
pub async fn add_alone(tx: &mut Tx, document: &DocumentId, name: &str) -> Result<(), DbError> {
    let names: Option<(String,)> =
        sql("SELECT COALESCE(folded_names, lower(name {ascii})) FROM documents WHERE id = $1")
            .bind(document)
            .optional(&mut *tx)
            .await?;
    let names = [names.map(|names| names.0).unwrap_or_default(), folded(name)].join("\n");
    let no = match owner(&mut *tx, document.as_str()).await? {
        Some(owner) => owner.no,
        None => insert_owner(tx, Class::Document, document.as_str(), "").await?,
    };
    insert_terms(tx, Class::Document, no, &terms(&names)).await
}

/// Makes a folder findable by its name.
pub async fn put_folder(tx: &mut Tx, folder: &FolderId, name: &str) -> Result<(), DbError> {
    put(tx, Class::Folder, folder.as_str(), &folded(name)).await
}

/// Removes a flow that does not exist any more. Its terms lead to no owner then; `yinku reindex` removes them.
pub async fn forget(tx: &mut Tx, flow: &FlowId) -> Result<(), DbError> {
    sql("DELETE FROM search_owners WHERE owner = $1").bind(flow).execute(tx).await?;
    Ok(())
}

/// Removes documents that are removed for good.
pub async fn forget_alone(tx: &mut Tx, documents: &[DocumentId]) -> Result<(), DbError> {
    let owners = padded(documents);
    let text = format!("DELETE FROM search_owners WHERE owner IN {}", placeholders(1, owners.len()));
    sql(text).bind_all(&owners).execute(tx).await?;
    Ok(())
}

/// Removes a folder, so that it is written anew.
pub(super) async fn forget_folder(tx: &mut Tx, folder: &FolderId) -> Result<(), DbError> {
    sql("DELETE FROM search_owners WHERE owner = $1").bind(folder).execute(tx).await?;
    Ok(())
}

/// Folds each text. A part of a query has no blank, so it is never found across two lines.
fn lines(texts: &[String]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in texts.iter().map(|text| folded(text)) {
        if !line.is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

async fn put(tx: &mut Tx, class: Class, id: &str, text: &str) -> Result<(), DbError> {
    let (no, known) = match owner(&mut *tx, id).await? {
        Some(owner) if owner.text == text => return Ok(()),
        Some(owner) => {
            sql("UPDATE search_owners SET text = $1 WHERE no = $2").bind(text).bind(owner.no).execute(&mut *tx).await?;
            (owner.no, terms(&owner.text))
        }
        None => (insert_owner(tx, class, id, text).await?, Vec::new()),
    };
    let known: HashSet<String> = known.into_iter().collect();
    let new: Vec<String> = terms(text).into_iter().filter(|term| !known.contains(term)).collect();
    insert_terms(tx, class, no, &new).await
}

async fn owner(on: impl Into<On<'_>>, id: &str) -> Result<Option<OwnerRow>, DbError> {
    sql("SELECT no, text FROM search_owners WHERE owner = $1").bind(id).optional(on).await
}

/// Returns the number that an id asks for: its time and the twelve bits behind it.
fn number_of(id: &str) -> i64 {
    let digits = id.chars().filter(char::is_ascii_hexdigit).enumerate().filter(|(at, _)| *at != 12);
    let digits: String = digits.map(|(_, digit)| digit).take(15).collect();
    i64::from_str_radix(&digits, 16).unwrap_or_default()
}

/// Returns a place in lists with this number. No flow has it.
pub(super) fn place_of(no: i64) -> String {
    let digits = format!("{no:015x}");
    format!("{}-{}-7{}-8000-000000000000", &digits[..8], &digits[8..12], &digits[12..15])
}

/// Returns the number of the flow at a place in lists, or of a place that [`place_of`] returned.
pub(super) async fn number(db: &Db, place: &ListKey) -> Result<i64, DbError> {
    let of_flow = sql("SELECT o.no FROM flows f JOIN search_owners o ON o.owner = f.id WHERE f.list_key = $1");
    let no: Option<(i64,)> = of_flow.bind(place).optional(db).await?;
    Ok(no.map_or_else(|| number_of(place.as_str()), |(no,)| no))
}

/// Writes an owner and returns its number. The next free number is taken if another owner of the same instant has it.
async fn insert_owner(tx: &mut Tx, class: Class, id: &str, text: &str) -> Result<i64, DbError> {
    let place: Option<(String,)> = match class {
        Class::Flow => sql("SELECT list_key FROM flows WHERE id = $1").bind(id).optional(&mut *tx).await?,
        Class::Document | Class::Folder => None,
    };
    let mut no = number_of(place.as_ref().map_or(id, |(place,)| place));
    loop {
        let written =
            sql("INSERT INTO search_owners (no, owner, text) VALUES ($1, $2, $3) ON CONFLICT (no) DO NOTHING")
                .bind(no)
                .bind(id)
                .bind(text)
                .execute(&mut *tx)
                .await?;
        if written == 1 {
            break;
        }
        no = sql("SELECT MIN(o.no) + 1 FROM search_owners o
             WHERE o.no >= $1 AND NOT EXISTS (SELECT 1 FROM search_owners n WHERE n.no = o.no + 1)")
        .bind(no)
        .scalar(&mut *tx)
        .await?;
    }
    insert_term_rows(tx, no, &[class.each()]).await?;
    Ok(no)
}

async fn insert_terms(tx: &mut Tx, class: Class, no: i64, terms: &[String]) -> Result<(), DbError> {
    let terms: Vec<String> = terms.iter().map(|term| class.of(term)).collect();
    insert_term_rows(tx, no, &terms).await
}

async fn insert_term_rows(tx: &mut Tx, no: i64, terms: &[String]) -> Result<(), DbError> {
    for piece in pieces(terms) {
        let mut insert = sql(format!(
            "INSERT INTO search_terms (term, no) VALUES {} ON CONFLICT (term, no) DO NOTHING",
            rows(2, piece.len())
        ));
        for term in piece {
            insert = insert.bind(term).bind(no);
        }
        insert.execute(&mut *tx).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_id_has_a_higher_number() {
        let [one, same, other] = [
            "01930000-0000-7000-8000-000000000000",
            "01930000-0000-7000-9000-000000000000",
            "01930000-0000-7001-8000-000000000000",
        ]
        .map(number_of);
        assert!(one == same && one < other);
        assert_eq!(number_of("ffffffff-ffff-7fff-8000-000000000000"), (1 << 60) - 1);
        assert_eq!(number_of(&place_of(other)), other);
    }
}
