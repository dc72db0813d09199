//! A list's statement, built from the conditions that are present: `($1 IS NULL OR a = $1)` would be answered without
//! an index.

use super::{Arg, Sql, sql};

/// A statement that grows.
#[derive(Debug)]
pub struct Filtered {
    text: String,
    conditions: usize,
    args: Vec<Arg>,
}

impl Filtered {
    /// `select` ends before its WHERE.
    #[must_use]
    pub fn new(select: &str) -> Self {
        Self { text: select.to_owned(), conditions: 0, args: Vec::new() }
    }

    /// One more condition, such as `state =`, if there is a value for it.
    #[must_use]
    pub fn and(mut self, condition: &str, value: Option<impl Into<Arg>>) -> Self {
        let Some(value) = value else { return self };
        let parameter = self.arg(value);
        self.when(&format!("{condition} {parameter}"))
    }

    /// One more condition as it stands.
    #[must_use]
    pub fn when(mut self, condition: &str) -> Self {
        let word = if self.conditions == 0 { "WHERE" } else { "AND" };
        self.text = format!("{} {word} {condition}", self.text);
        self.conditions += 1;
        self
    }

    /// One more parameter; its name in a condition.
    pub fn arg(&mut self, value: impl Into<Arg>) -> String {
        self.args.push(value.into());
        format!("${}", self.args.len())
    }

    #[must_use]
    pub fn end(self) -> Sql {
        sql(self.text).bind_all(self.args)
    }

    /// The newest `limit` rows by `column`.
    #[must_use]
    pub fn newest_first(mut self, column: &str, limit: i64) -> Sql {
        let limit = self.arg(limit);
        sql(format!("{} ORDER BY {column} DESC LIMIT {limit}", self.text)).bind_all(self.args)
    }
}
