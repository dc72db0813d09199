//! Builds the statement of a list from the conditions that are set. A condition such as `($1 IS NULL OR a = $1)` would
//! use no index.

use super::{Arg, Sql, sql};

/// A statement under construction.
#[derive(Debug)]
pub struct Filtered {
    text: String,
    conditions: usize,
    args: Vec<Arg>,
}

impl Filtered {
    /// Starts with `select`, which has no WHERE.
    #[must_use]
    pub fn new(select: &str) -> Self {
        Self::with_args(select, Vec::new())
    }

    /// Starts with `select`, which has no WHERE of its own and names the parameters `args`.
    #[must_use]
    pub fn with_args(select: &str, args: Vec<Arg>) -> Self {
        Self { text: select.to_owned(), conditions: 0, args }
    }

    /// Adds a condition such as `state =` if there is a value.
    #[must_use]
    pub fn and(mut self, condition: &str, value: Option<impl Into<Arg>>) -> Self {
        let Some(value) = value else { return self };
        let parameter = self.arg(value);
        self.when(&format!("{condition} {parameter}"))
    }

    /// Adds a condition without a parameter.
    #[must_use]
    pub fn when(mut self, condition: &str) -> Self {
        let word = if self.conditions == 0 { "WHERE" } else { "AND" };
        self.text = format!("{} {word} {condition}", self.text);
        self.conditions += 1;
        self
    }

    /// Adds a parameter and returns its name, such as `$3`.
    pub fn arg(&mut self, value: impl Into<Arg>) -> String {
        self.args.push(value.into());
        format!("${}", self.args.len())
    }

    /// Puts `head` before the conditions. It may use the parameters.
    #[must_use]
    pub fn headed(mut self, head: &str) -> Self {
        self.text.insert_str(0, head);
        self
    }

    /// Ends with a clause such as `ORDER BY` or `GROUP BY`, which may use the parameters.
    #[must_use]
    pub fn then(self, clause: &str) -> Sql {
        sql(format!("{} {clause}", self.text)).bind_all(self.args)
    }

    /// Ends with another text, which uses the parameters.
    #[must_use]
    pub fn text(self, text: String) -> Sql {
        sql(text).bind_all(self.args)
    }

    #[must_use]
    pub fn end(self) -> Sql {
        sql(self.text).bind_all(self.args)
    }

    /// Selects `limit` rows. Callers must not depend on their order.
    #[must_use]
    pub fn first(mut self, limit: i64) -> Sql {
        let limit = self.arg(limit);
        sql(format!("{} LIMIT {limit}", self.text)).bind_all(self.args)
    }

    /// Selects the first `limit` rows by `column`, descending.
    #[must_use]
    pub fn newest_first(mut self, column: &str, limit: i64) -> Sql {
        let limit = self.arg(limit);
        sql(format!("{} ORDER BY {column} DESC LIMIT {limit}", self.text)).bind_all(self.args)
    }
}
