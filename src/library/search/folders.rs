//! Searches folders by their names.
//!
//! | asked for | statement | index |
//! |---|---|---|
//! | folders whose name has all words | the newest candidates of the rarest term, each name compared | `search_terms`, `search_owners` |

use super::{CANDIDATES, owners, terms::Words};
use crate::{
    db::{Db, DbError, filter::Filtered},
    library::{
        folder::Folder,
        rights::{Right, Sight},
        search_terms::Class,
    },
};

/// Returns the visible folders whose name has all words, by name.
pub async fn named(db: &Db, words: &Words, sight: &Sight) -> Result<Vec<Folder>, DbError> {
    let measured = owners::measured(db, Class::Folder, words).await?;
    if measured.finds_nothing() {
        return Ok(Vec::new());
    }
    let mut args = Vec::new();
    let candidates = measured.candidates(None, CANDIDATES, &mut args);
    let mut filtered = Filtered::with_args(
        &format!(
            "SELECT f.* FROM ({candidates}) AS c JOIN search_owners o ON o.no = c.no JOIN folders f ON f.id = o.owner"
        ),
        args,
    );
    for word in words.iter() {
        let word = filtered.arg(word);
        filtered = filtered.when(&format!("{{position}}(o.text, {word}) > 0"));
    }
    let mut found: Vec<Folder> = filtered.end().all(db).await?;
    found.retain(|folder| sight.on(folder).has(Right::View));
    found.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    Ok(found)
}
