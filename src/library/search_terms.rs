//! The words in the names of documents, in a narrow row for each flow: by these a part of a name is found among hundreds
//! of thousands in some 30 ms. Words of one and two characters must be found, which full-text indices of either engine
//! do not do. Whatever is between letters and digits ends a word; the case of A to Z does not matter.

use crate::{
    db::{Db, DbError, Tx, sql},
    id::FlowId,
};

/// Makes documents of `flow` findable by their `names`. What once was a name stays.
pub async fn add(tx: &mut Tx, flow: &FlowId, names: &[String]) -> Result<(), DbError> {
    let known: Option<(String,)> =
        sql("SELECT words FROM document_words WHERE owner = $1").bind(flow).optional(&mut *tx).await?;
    let known = known.map(|row| row.0).unwrap_or_default();
    // In the order of the name: what all names begin with is then found at once.
    let mut new = String::new();
    for word in names.iter().flat_map(|name| of(name)) {
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

/// The flows, and the documents of none, whose words may make up a name with `part` in it, if they are no more than
/// `few`.
pub(super) async fn owners(db: &Db, part: &str, few: i64) -> Result<Option<Vec<String>>, DbError> {
    let mut words = of(part);
    if words.is_empty() {
        return Ok(None);
    }
    // The longest are the rarest, as a rule.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.truncate(4);
    let has: Vec<String> = (1..=words.len()).map(|n| format!("{{position}}(words, ${n}) > 0")).collect();
    let text = format!("SELECT owner FROM document_words WHERE {} LIMIT ${}", has.join(" AND "), words.len() + 1);
    let owners: Vec<String> = sql(text).bind_all(words).bind(few + 1).scalars(db).await?;
    Ok(i64::try_from(owners.len()).is_ok_and(|count| count <= few).then_some(owners))
}

fn of(name: &str) -> Vec<String> {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect()
}
