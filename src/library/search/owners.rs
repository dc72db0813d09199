//! Finds the owners whose texts may have all words of a query.
//!
//! | asked for | statement | index |
//! |---|---|---|
//! | how rare each term is | [`measured`] | `search_terms`: one range for each term, at most [`MEASURED`] rows of it |
//! | owners of the rarest term that have two more terms of the query | [`few`] | `search_terms`: at most [`CANDIDATES`] rows of the rarest, then one row for each other term |

use super::terms::{Lookup, Words, lookups};
use crate::{
    db::{Arg, Db, DbError, filter::Filtered, sql},
    id::ListKey,
    library::search_terms::{self, Class},
};

/// How many rows of a term are counted.
const MEASURED: i64 = 4_000;
/// How many terms of a query are measured.
const MOST_LOOKUPS: usize = 16;
/// After this number of candidates a search stops. It returns a cursor.
pub(in crate::library) const CANDIDATES: i64 = 20_000;
/// Up to this number of owners, a search compares no other documents.
const FEW: i64 = MEASURED;

/// The lookups of a query in the terms of one class, the rarest first, each with the number of its rows.
#[derive(Debug)]
pub(super) struct Measured {
    class: Class,
    lookups: Vec<(i64, Lookup)>,
}

/// Counts the rows of each term of the query.
pub(super) async fn measured(db: &Db, class: Class, words: &Words) -> Result<Measured, DbError> {
    let mut lookups: Vec<Lookup> = words.iter().flat_map(lookups).collect();
    lookups.sort_unstable();
    lookups.dedup();
    if lookups.len() > MOST_LOOKUPS {
        // Some of each part of the query.
        let step = lookups.len().div_ceil(MOST_LOOKUPS);
        lookups = lookups.into_iter().step_by(step).collect();
    }
    if lookups.is_empty() {
        return Ok(Measured { class, lookups: Vec::new() });
    }
    let (mut text, mut args) = (Vec::new(), Vec::new());
    for (at, lookup) in lookups.iter().enumerate() {
        let condition = condition(class, lookup, "t.term", &mut args);
        text.push(format!(
            "SELECT {at} AS n, (SELECT COUNT(*) FROM (SELECT 1 FROM search_terms t WHERE {condition} LIMIT {MEASURED}) AS c) AS held"
        ));
    }
    let text = format!("SELECT CAST(m.held AS BIGINT) FROM ({}) AS m ORDER BY m.n", text.join(" UNION ALL "));
    let counts: Vec<i64> = sql(text).bind_all(args).scalars(db).await?;
    let mut lookups: Vec<(i64, Lookup)> = counts.into_iter().zip(lookups).collect();
    lookups.sort();
    Ok(Measured { class, lookups })
}

/// Returns the condition of a lookup on the column `term`, and adds its parameters.
fn condition(class: Class, lookup: &Lookup, term: &str, args: &mut Vec<Arg>) -> String {
    match lookup {
        Lookup::Term(text) => {
            args.push(class.of(text).into());
            format!("{term} = ${}", args.len())
        }
        Lookup::Beginning(start) => {
            args.extend([class.of(start).into(), class.of(&after(start)).into()]);
            format!("{term} >= ${} AND {term} < ${}", args.len() - 1, args.len())
        }
    }
}

/// Returns the first text behind all texts that begin with `start`.
fn after(start: &str) -> String {
    let mut chars: Vec<char> = start.chars().collect();
    if let Some(last) = chars.last_mut() {
        // The range of characters jumps over the surrogates.
        *last = (*last..=char::MAX).nth(1).unwrap_or(char::MAX);
    }
    chars.into_iter().collect()
}

impl Measured {
    /// Returns the rarest lookup if the index can list its owners, newest first, without reading many others.
    pub(super) fn rarest(&self) -> Option<&Lookup> {
        let terms = self.lookups.iter().find(|(count, lookup)| *count < MEASURED || matches!(lookup, Lookup::Term(_)));
        terms.map(|(_, lookup)| lookup)
    }

    pub(super) fn finds_nothing(&self) -> bool {
        self.lookups.first().is_some_and(|(count, _)| *count == 0)
    }

    /// Returns the subquery `(no)` of the next `limit` owners, newest first, that the rarest lookup has, and adds its
    /// parameters. Without a lookup these are all owners of the class. `before` is the last owner that was read.
    pub(super) fn candidates(&self, before: Option<i64>, limit: i64, args: &mut Vec<Arg>) -> String {
        let each = Lookup::Term(String::new());
        let lookup = self.rarest().unwrap_or(&each);
        let mut condition = condition(self.class, lookup, "t.term", args);
        if let Some(before) = before {
            args.push(before.into());
            condition = format!("{condition} AND t.no < ${}", args.len());
        }
        let distinct = if matches!(lookup, Lookup::Beginning(_)) { "DISTINCT " } else { "" };
        format!("SELECT {distinct}t.no FROM search_terms t WHERE {condition} ORDER BY t.no DESC LIMIT {limit}")
    }

    /// Returns the conditions that a candidate has two more terms of the query.
    fn more_terms(&self, filtered: &mut Filtered) -> Vec<String> {
        let rarest = self.rarest();
        let others = self.lookups.iter().map(|(_, lookup)| lookup).filter(|lookup| Some(*lookup) != rarest);
        let terms = others.filter_map(|lookup| match lookup {
            Lookup::Term(term) => Some(self.class.of(term)),
            Lookup::Beginning(_) => None,
        });
        terms
            .take(2)
            .map(|term| {
                let term = filtered.arg(term);
                format!("EXISTS (SELECT 1 FROM search_terms s WHERE s.term = {term} AND s.no = c.no)")
            })
            .collect()
    }
}

/// The flows that may have all words of a query, newest first, in pieces that grow.
#[derive(Debug)]
pub struct FlowCandidates {
    measured: Measured,
    before: Option<i64>,
    read: i64,
    size: i64,
    ended: bool,
}

impl FlowCandidates {
    /// Begins behind `after`. Without words in the query, these are all flows.
    pub async fn of_flows(db: &Db, words: &Words, after: Option<&ListKey>) -> Result<Self, DbError> {
        let measured = measured(db, Class::Flow, words).await?;
        let before = match after {
            Some(after) => Some(search_terms::number(db, after).await?),
            None => None,
        };
        let ended = measured.finds_nothing();
        Ok(Self { measured, before, read: 0, size: 0, ended })
    }

    /// Returns the subquery `(no)` of the next piece with its parameters. The first piece has at least `size` flows.
    /// `None`: there are no more, or the search stops.
    pub async fn next(&mut self, db: &Db, size: i64) -> Result<Option<(String, Vec<Arg>)>, DbError> {
        if self.ended || self.read >= CANDIDATES {
            return Ok(None);
        }
        self.size = (self.size * 4).max(size).min(CANDIDATES - self.read);
        let mut args = Vec::new();
        let piece = self.measured.candidates(self.before, self.size, &mut args);
        let last = sql(format!("SELECT MIN(c.no), COUNT(*) FROM ({piece}) AS c")).bind_all(args.clone());
        let (last, count): (Option<i64>, i64) = last.one(db).await?;
        self.read += count;
        self.ended = count < self.size;
        self.before = last.or(self.before);
        Ok((count > 0).then_some((piece, args)))
    }

    /// Returns the place at which the search stopped before its end. It names no flow: the user may not see the one
    /// that was read last.
    #[must_use]
    pub fn stopped(&self) -> Option<ListKey> {
        self.before.filter(|_| !self.ended).and_then(|no| search_terms::place_of(no).parse().ok())
    }
}

/// Returns the owners of `class` that may have all words. `None` if they are many, or if the index cannot tell.
pub(super) async fn few(db: &Db, class: Class, words: &Words) -> Result<Option<Vec<String>>, DbError> {
    let measured = measured(db, class, words).await?;
    if measured.finds_nothing() {
        return Ok(Some(Vec::new()));
    }
    if measured.rarest().is_none() || measured.is_one_common_term() {
        return Ok(None);
    }
    let mut args = Vec::new();
    let candidates = measured.candidates(None, CANDIDATES, &mut args);
    let mut filtered = Filtered::with_args(
        &format!("SELECT o.owner FROM ({candidates}) AS c JOIN search_owners o ON o.no = c.no"),
        args.clone(),
    );
    for condition in measured.more_terms(&mut filtered) {
        filtered = filtered.when(&condition);
    }
    let owners: Vec<String> = filtered.first(FEW + 1).scalars(db).await?;
    if i64::try_from(owners.len()).is_ok_and(|count| count > FEW) {
        return Ok(None);
    }
    let counted = sql(format!("SELECT COUNT(*) FROM ({candidates}) AS c")).bind_all(args);
    let all: i64 = if measured.is_rare() { 0 } else { counted.scalar(db).await? };
    Ok((all < CANDIDATES).then_some(owners))
}

impl Measured {
    fn is_rare(&self) -> bool {
        self.lookups.first().is_some_and(|(count, _)| *count < MEASURED)
    }

    /// Returns true if nothing else can show that few owners have the words.
    fn is_one_common_term(&self) -> bool {
        self.lookups.len() == 1 && !self.is_rare()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_behind_every_text_with_its_beginning() {
        for (start, end) in [("合", "吉"), ("0815", "0816"), ("\u{d7ff}", "\u{e000}"), ("999", "99:")] {
            assert_eq!(after(start), end);
            assert!(*format!("{start}\u{10ffff}") < *end);
        }
    }
}
