//! A list's statement, built from the conditions that are present: `($1 IS NULL OR a = $1)` would be answered without
//! an index.

use super::{Arg, Sql, sql};

/// A statement that grows.
#[derive(Debug)]
pub struct Filtered {
    text: String,
    args: Vec<Arg>,
}

impl Filtered {
    /// `select` ends before its WHERE.
    #[must_use]
    pub fn new(select: &str) -> Self {
        Self { text: select.to_owned(), args: Vec::new() }
    }

    /// One more condition, such as `state =`, if there is a value for it.
    #[must_use]
    pub fn and(mut self, condition: &str, value: Option<impl Into<Arg>>) -> Self {
        if let Some(value) = value {
            let word = if self.args.is_empty() { "WHERE" } else { "AND" };
            self.args.push(value.into());
            self.text = format!("{} {word} {condition} ${}", self.text, self.args.len());
        }
        self
    }

    /// The newest `limit` rows by `column`.
    #[must_use]
    pub fn newest_first(mut self, column: &str, limit: i64) -> Sql {
        self.args.push(limit.into());
        let text = format!("{} ORDER BY {column} DESC LIMIT ${}", self.text, self.args.len());
        sql(text).bind_all(self.args)
    }
}
