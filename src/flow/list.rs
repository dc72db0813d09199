//! Lists of flows, newest first: all visible flows, flows that wait for the user, handled flows and started flows.
//!
//! A list must not read more rows than it shows, whatever the number of flows. Flows know a user under several names
//! (username and roles). A list reads one index per name, in index order, and stops at the limit. Only a search reads
//! more rows. It reads the rows of `flow_search`, or, for a user with few flows, the rows of these flows.

use std::fmt::Write;

use super::{FlowState, trouble::Troubled};
use crate::{
    db::{Arg, Db, DbError, Sql, folded, placeholders, sql},
    id::{DefinitionId, FlowId},
    user::User,
};

/// Which list of flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// All flows that the user may see.
    #[default]
    Visible,
    /// Flows that wait for the user.
    Todo,
    /// Flows that the user has handled.
    Done,
    /// Flows that the user has started.
    Mine,
}

/// Conditions of a list. An absent member sets no condition.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub which: Which,
    pub state: Option<FlowState>,
    pub definition: Option<DefinitionId>,
    /// A part of the title or of the serial number.
    pub q: Option<String>,
    /// Only flows that wait for this `user:<username>` or `role:<role>`.
    pub waits_for: Option<String>,
    pub trouble: Option<Troubled>,
}

impl Filter {
    /// Appends conditions on the flow `id` that no row of a list has.
    fn push_rare(&self, text: &mut Text, id: &str) {
        if let Some(who) = &self.waits_for {
            text.push(&format!(" AND {id} IN (SELECT w.flow_id FROM flow_people w"));
            text.bind("WHERE w.who =", who);
            text.push(" AND (w.turn OR w.stamps))");
        }
        if let Some(trouble) = self.trouble {
            text.push(&format!(" AND {id} IN ({})", trouble.flows()));
        }
    }
}

impl Filter {
    /// Drafts are in the starter's list of started flows alone.
    fn of_drafts(&self) -> Self {
        let asks_for_drafts = self.state == Some(FlowState::Draft) && self.which == Which::Visible;
        Self { which: if asks_for_drafts { Which::Mine } else { self.which }, ..self.clone() }
    }
}

/// Limit for the search by user: above it, the search reads all flows, newest first. Below it, it reads the user's
/// flows.
const FEW: i64 = 4_000;

/// Returns a page of flows: the flows before `after`.
pub async fn page(
    db: &Db,
    filter: &Filter,
    user: &User,
    after: Option<&FlowId>,
    limit: i64,
) -> Result<Vec<FlowId>, DbError> {
    let filter = &filter.of_drafts();
    let names = names(filter.which, user);
    let everything = filter.which == Which::Visible && user.reads_all();
    let statement = match &filter.q {
        None if everything => all(filter, after, limit),
        Some(q) if everything || !are_few(db, filter, &names).await? => {
            found(filter, q, (!everything).then_some(&names), after, limit)
        }
        _ => of_names(filter, &names, after, limit),
    };
    statement.scalars(db).await
}

/// Returns the names under which the flows of a list know the user.
fn names(which: Which, user: &User) -> Vec<String> {
    let mut names = user.names_in_flows();
    if matches!(which, Which::Done | Which::Mine) {
        // Only a user acts on flows and starts them. A role does not.
        names.truncate(1);
    }
    names
}

/// An SQL statement that is being built.
#[derive(Default)]
struct Text {
    text: String,
    args: Vec<Arg>,
}

impl Text {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends ` <condition> $n` and adds the value as its parameter.
    fn bind(&mut self, condition: &str, value: impl Into<Arg>) {
        self.args.push(value.into());
        // Writing into a string cannot fail.
        let _ = write!(self.text, " {condition} ${}", self.args.len());
    }

    fn bind_if(&mut self, condition: &str, value: Option<impl Into<Arg>>) {
        if let Some(value) = value {
            self.bind(condition, value);
        }
    }

    fn into_sql(self) -> Sql {
        self.args.into_iter().fold(sql(self.text), Sql::bind)
    }
}

/// Reads from all flows.
fn all(filter: &Filter, after: Option<&FlowId>, limit: i64) -> Sql {
    let mut text = Text::default();
    text.push("SELECT id FROM flows WHERE state <> 'draft'");
    text.bind_if("AND state =", filter.state);
    text.bind_if("AND definition_id =", filter.definition.as_ref());
    text.bind_if("AND id <", after);
    filter.push_rare(&mut text, "id");
    text.bind("ORDER BY id DESC LIMIT", limit);
    text.into_sql()
}

/// Reads from the flows that know the user: the newest of each name, then the newest of the result.
fn of_names(filter: &Filter, names: &[String], after: Option<&FlowId>, limit: i64) -> Sql {
    let mut text = Text::default();
    for (i, name) in names.iter().enumerate() {
        text.push(if i == 0 { "SELECT flow_id FROM (" } else { " UNION SELECT flow_id FROM (" });
        text.push("SELECT flow_id FROM flow_people p");
        parts(&mut text, filter, name);
        if let Some(q) = &filter.q {
            text.push(" AND EXISTS (SELECT 1 FROM flow_search s WHERE s.flow_id = p.flow_id AND");
            text.bind("{position}(s.text,", folded(q));
            text.push(") > 0)");
        }
        text.bind_if("AND flow_id <", after);
        text.bind("ORDER BY flow_id DESC LIMIT", limit);
        text.push(&format!(") AS n{i}"));
    }
    text.bind("ORDER BY flow_id DESC LIMIT", limit);
    text.into_sql()
}

/// Appends ` WHERE …` for the rows of one name in a list.
fn parts(text: &mut Text, filter: &Filter, name: &str) {
    text.bind("WHERE p.who =", name);
    text.push(match filter.which {
        Which::Visible => " AND p.state <> 'draft'",
        // An index has the same condition.
        Which::Todo => " AND (p.turn OR p.stamps OR p.gone)",
        Which::Done => " AND p.acted",
        Which::Mine => " AND p.started",
    });
    text.bind_if("AND p.state =", filter.state);
    text.bind_if("AND p.definition_id =", filter.definition.as_ref());
    filter.push_rare(text, "p.flow_id");
}

/// Reads the flows whose text contains `q`, if they know one of `names`.
fn found(filter: &Filter, q: &str, names: Option<&Vec<String>>, after: Option<&FlowId>, limit: i64) -> Sql {
    let mut text = Text::default();
    text.bind("SELECT flow_id FROM flow_search s WHERE {position}(s.text,", folded(q));
    text.push(") > 0");
    text.push(if filter.which == Which::Mine { "" } else { " AND s.state <> 'draft'" });
    text.bind_if("AND s.state =", filter.state);
    text.bind_if("AND s.definition_id =", filter.definition.as_ref());
    if names.is_none() {
        filter.push_rare(&mut text, "s.flow_id");
    }
    for (i, name) in names.into_iter().flatten().enumerate() {
        // A value, not a condition: with a condition PostgreSQL gathers all flows of the name before it reads the first
        // text.
        text.push(if i == 0 { " AND COALESCE(" } else { ", " });
        text.push("(SELECT 1 FROM flow_people p");
        parts(&mut text, filter, name);
        text.push(" AND p.flow_id = s.flow_id)");
    }
    text.push(if names.is_some() { ", 0) = 1" } else { "" });
    text.bind_if("AND flow_id <", after);
    text.bind("ORDER BY flow_id DESC LIMIT", limit);
    text.into_sql()
}

async fn are_few(db: &Db, filter: &Filter, names: &[String]) -> Result<bool, DbError> {
    let mut left = FEW;
    for name in names {
        let mut text = Text::default();
        text.push("SELECT COUNT(*) FROM (SELECT 1 AS one FROM flow_people p");
        parts(&mut text, filter, name);
        text.bind("LIMIT", left + 1);
        text.push(") AS counted");
        left -= text.into_sql().scalar::<i64>(db).await?;
        if left < 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The number of flows in each list of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Totals {
    /// Flows that wait for the user.
    pub todo: i64,
    /// Flows that the user has handled.
    pub done: i64,
    /// Flows that the user has started.
    pub mine: i64,
    /// Flows that the user may see and in which something is wrong.
    pub trouble: i64,
}

pub async fn totals(db: &Db, user: &User) -> Result<Totals, DbError> {
    let [todo, done, mine] = [Which::Todo, Which::Done, Which::Mine].map(|which| total(db, which, user));
    // The counts run concurrently: a user who stamps for a whole company has tens of thousands of flows in each list.
    let (todo, done, mine, trouble) = tokio::try_join!(todo, done, mine, in_trouble(db, user))?;
    Ok(Totals { todo, done, mine, trouble })
}

/// Counts the visible flows with trouble. Such flows are few.
async fn in_trouble(db: &Db, user: &User) -> Result<i64, DbError> {
    let troubled = format!("SELECT COUNT(DISTINCT t.flow_id) FROM ({}) AS t", Troubled::Any.flows());
    if user.reads_all() {
        return sql(troubled).scalar(db).await;
    }
    let names = user.names_in_flows();
    let list = placeholders(1, names.len());
    sql(format!(
        "{troubled} WHERE EXISTS (SELECT 1 FROM flow_people p WHERE p.flow_id = t.flow_id AND p.who IN {list})"
    ))
    .bind_all(names)
    .scalar(db)
    .await
}

/// Counts each flow once, although it may know the user under several names. Counts the longest list. Then counts the
/// flows of each other list that are in no longer list.
async fn total(db: &Db, which: Which, user: &User) -> Result<i64, DbError> {
    let filter = Filter { which, ..Filter::default() };
    let mut counted = Vec::new();
    for name in names(which, user) {
        counted.push((count(&filter, &name, &[]).scalar::<i64>(db).await?, name));
    }
    counted.sort_by(|one, other| other.cmp(one));
    let mut total = 0;
    let mut longer: Vec<String> = Vec::new();
    for (rows, name) in counted.into_iter().filter(|(rows, _)| *rows > 0) {
        total += if longer.is_empty() { rows } else { count(&filter, &name, &longer).scalar(db).await? };
        longer.push(name);
    }
    Ok(total)
}

/// Builds the query of the rows of `name` whose flow has none of `others`.
fn count(filter: &Filter, name: &str, others: &[String]) -> Sql {
    let mut text = Text::default();
    text.push("SELECT COUNT(*) FROM flow_people p");
    parts(&mut text, filter, name);
    for other in others {
        text.push(" AND NOT EXISTS (SELECT 1 FROM flow_people o");
        text.bind("WHERE o.flow_id = p.flow_id AND (o.turn OR o.stamps OR o.gone) AND o.who =", other);
        text.push(")");
    }
    text.into_sql()
}
