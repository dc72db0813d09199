//! Lists of flows, newest first (by `list_key`): all visible flows, flows that wait for the user, handled flows and
//! started flows.
//!
//! A list must not read more rows than it shows, whatever the number of flows. Flows know a user under several names
//! (username and roles). A list reads one index per name, in index order, and stops at the limit. Only a search reads
//! more rows.
//!
//! | asked for | what is read | index |
//! |---|---|---|
//! | all flows | flows, newest first | `flows`, `flows_by_state`, `flows_by_definition` |
//! | the flows of a user | the rows of each name, newest first | `flow_people_by_who`, `flow_people_todo` and others |
//! | `q`, by a user with few flows | the rows of each name, each flow's words compared | `flow_people_by_who`, `search_owners` |
//! | `q`, else | the flows with the rarest term of the query, newest first, each flow's words and people compared | `search_terms`, `search_owners`, `flow_people` |

use std::fmt::Write;

use sqlx::FromRow;

use super::{FlowState, trouble::Troubled};
use crate::{
    db::{Arg, Db, DbError, Sql, placeholders, sql},
    id::{DefinitionId, FlowId, ListKey},
    library::search::{FlowCandidates, Words},
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
    /// Each word is in the words of the flow ([`super::search`]).
    pub q: Words,
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

/// A piece of a list.
#[derive(Debug)]
pub struct ListedFlows {
    pub flows: Vec<ListedFlow>,
    /// Where a search stopped before its end: the place behind which the next page begins.
    pub stopped: Option<ListKey>,
}

/// A flow with its place in lists. Cursors are places: a draft that is submitted leaves its place, and a cursor does not
/// follow it.
#[derive(Clone, Debug, FromRow)]
pub struct ListedFlow {
    #[sqlx(rename = "flow_id")]
    pub id: FlowId,
    #[sqlx(rename = "list_key")]
    pub place: ListKey,
}

/// Returns a page of flows: the flows behind the place `after`.
pub async fn page(
    db: &Db,
    filter: &Filter,
    user: &User,
    after: Option<&ListKey>,
    limit: i64,
) -> Result<ListedFlows, DbError> {
    let filter = &filter.of_drafts();
    let names = names(filter.which, user);
    let everything = filter.which == Which::Visible && user.reads_all();
    let statement = if filter.q.is_empty() && everything {
        all(filter, after, limit)
    } else if filter.q.is_empty() || (!everything && are_few(db, filter, &names).await?) {
        of_names(filter, &names, after, limit)
    } else {
        return found(db, filter, (!everything).then_some(&names), after, limit).await;
    };
    Ok(ListedFlows { flows: statement.all(db).await?, stopped: None })
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
fn all(filter: &Filter, after: Option<&ListKey>, limit: i64) -> Sql {
    let mut text = Text::default();
    text.push("SELECT id AS flow_id, list_key FROM flows WHERE state <> 'draft'");
    text.bind_if("AND state =", filter.state);
    text.bind_if("AND definition_id =", filter.definition.as_ref());
    text.bind_if("AND list_key <", after);
    filter.push_rare(&mut text, "id");
    text.bind("ORDER BY list_key DESC LIMIT", limit);
    text.into_sql()
}

/// Reads from the flows that know the user: the newest of each name, then the newest of the result.
fn of_names(filter: &Filter, names: &[String], after: Option<&ListKey>, limit: i64) -> Sql {
    let mut text = Text::default();
    for (i, name) in names.iter().enumerate() {
        text.push(if i == 0 { "" } else { " UNION " });
        text.push("SELECT flow_id, list_key FROM (SELECT flow_id, list_key FROM flow_people p");
        parts(&mut text, filter, name);
        if !filter.q.is_empty() {
            text.push(" AND EXISTS (SELECT 1 FROM search_owners o WHERE o.owner = p.flow_id");
            with_words(&mut text, filter);
            text.push(")");
        }
        text.bind_if("AND list_key <", after);
        text.bind("ORDER BY list_key DESC LIMIT", limit);
        text.push(&format!(") AS n{i}"));
    }
    text.bind("ORDER BY list_key DESC LIMIT", limit);
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

/// Appends that the words of the flow, in the row `o`, have each word of the search.
fn with_words(text: &mut Text, filter: &Filter) {
    for word in filter.q.iter() {
        text.bind("AND {position}(o.text,", word);
        text.push(") > 0");
    }
}

/// Reads the flows that may have all words of the search, newest first, piece by piece, until the page is full. Stops
/// after a bounded number of them.
async fn found(
    db: &Db,
    filter: &Filter,
    names: Option<&Vec<String>>,
    after: Option<&ListKey>,
    limit: i64,
) -> Result<ListedFlows, DbError> {
    let mut candidates = FlowCandidates::of_flows(db, &filter.q, after).await?;
    let mut flows: Vec<ListedFlow> = Vec::new();
    while let Some(piece) = candidates.next(db, limit).await? {
        let left = limit - i64::try_from(flows.len()).unwrap_or(i64::MAX);
        let of_piece: Vec<ListedFlow> = of_candidates(filter, names, piece, left).all(db).await?;
        flows.extend(of_piece);
        if i64::try_from(flows.len()).is_ok_and(|found| found >= limit) {
            return Ok(ListedFlows { flows, stopped: None });
        }
    }
    Ok(ListedFlows { flows, stopped: candidates.stopped() })
}

/// Builds the query of those of the candidates that have all words and that know one of `names`.
fn of_candidates(filter: &Filter, names: Option<&Vec<String>>, (piece, args): (String, Vec<Arg>), limit: i64) -> Sql {
    let mut text = Text { text: String::new(), args };
    text.push(&format!("SELECT f.id AS flow_id, f.list_key FROM ({piece}) AS c JOIN search_owners o ON o.no = c.no"));
    text.push(" JOIN flows f ON f.id = o.owner");
    text.push(if filter.which == Which::Mine { " WHERE TRUE" } else { " WHERE f.state <> 'draft'" });
    with_words(&mut text, filter);
    text.bind_if("AND f.state =", filter.state);
    text.bind_if("AND f.definition_id =", filter.definition.as_ref());
    if names.is_none() {
        filter.push_rare(&mut text, "o.owner");
    }
    for (i, name) in names.into_iter().flatten().enumerate() {
        // A value for each flow. PostgreSQL would gather all flows of the name for an EXISTS.
        text.push(if i == 0 { " AND COALESCE(" } else { ", " });
        text.push("(SELECT 1 FROM flow_people p");
        parts(&mut text, filter, name);
        text.push(" AND p.flow_id = o.owner)");
    }
    text.push(if names.is_some() { ", 0) = 1" } else { "" });
    text.bind("ORDER BY o.no DESC LIMIT", limit);
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
