//! The words in the names of documents, in one narrow row for each flow.
//!
//! With these rows a search for a part of a name reads hundreds of thousands of documents in some 30 ms. A search must
//! find words of one and two characters. The full-text indexes of both engines cannot. Any character that is not a
//! letter or digit ends a word. The words are folded ([`folded`]).

use crate::{
    db::{Db, DbError, Tx, folded, padded, placeholders, sql},
    id::{DocumentId, FlowId},
};

/// Adds search terms for documents of `flow`. Terms are never removed: a renamed document stays findable by its old
/// name.
pub async fn add(tx: &mut Tx, flow: &FlowId, names: &[String]) -> Result<(), DbError> {
    let known: Option<(String,)> =
        sql("SELECT words FROM document_words WHERE owner = $1").bind(flow).optional(&mut *tx).await?;
    let known = known.map(|row| row.0).unwrap_or_default();
    // Words are stored in the order of the name. So the common beginning of all names is found first.
    let mut new = String::new();
    for word in names.iter().flat_map(|name| split_words(name)) {
        if !known.contains(&word) && !new.contains(&word) {
            new += " ";
            new += &word;
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    sql("INSERT INTO document_words (owner, words) VALUES ($1, $2)
         ON CONFLICT (owner) DO UPDATE SET words = document_words.words || excluded.words")
    .bind(flow)
    .bind(new)
    .execute(tx)
    .await?;
    Ok(())
}

/// Adds search terms for a document without a flow.
pub async fn add_alone(tx: &mut Tx, document: &DocumentId, name: &str) -> Result<(), DbError> {
    sql("INSERT INTO document_words (owner, words) VALUES ($1, $2)
         ON CONFLICT (owner) DO UPDATE SET words = document_words.words || ' ' || excluded.words")
    .bind(document)
    .bind(split_words(name).join(" "))
    .execute(tx)
    .await?;
    Ok(())
}

/// Removes the search terms of documents that are removed for good.
pub async fn forget_alone(tx: &mut Tx, documents: &[DocumentId]) -> Result<(), DbError> {
    let owners = padded(documents);
    let text = format!("DELETE FROM document_words WHERE owner IN {}", placeholders(1, owners.len()));
    sql(text).bind_all(&owners).execute(tx).await?;
    Ok(())
}

/// Removes the search terms of a flow that does not exist any more.
pub async fn forget(tx: &mut Tx, flow: &FlowId) -> Result<(), DbError> {
    sql("DELETE FROM document_words WHERE owner = $1").bind(flow).execute(tx).await?;
    Ok(())
}

/// Returns the flows, and the documents without a flow, whose words may contain `part`. `None` if there are more than
/// `few`.
pub(super) async fn owners(db: &Db, part: &str, few: i64) -> Result<Option<Vec<String>>, DbError> {
    let mut words = split_words(part);
    if words.is_empty() {
        return Ok(None);
    }
    // The longest words are usually the rarest.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.truncate(4);
    let has: Vec<String> = (1..=words.len()).map(|n| format!("{{position}}(words, ${n}) > 0")).collect();
    let text = format!("SELECT owner FROM document_words WHERE {} LIMIT ${}", has.join(" AND "), words.len() + 1);
    let owners: Vec<String> = sql(text).bind_all(words).bind(few + 1).scalars(db).await?;
    Ok(i64::try_from(owners.len()).is_ok_and(|count| count <= few).then_some(owners))
}

fn split_words(name: &str) -> Vec<String> {
    let name = folded(name);
    name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
