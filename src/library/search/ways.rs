//! The statements of a search: which documents are read, and the conditions that they are compared with.

use super::{CANDIDATES, Cursor, Search, conditions::listed, owners};
use crate::{
    db::{Db, DbError, filter::Filtered},
    library::{
        rights::{Right, gives, not_hidden, sees},
        search_terms::Class,
    },
    user::User,
};

/// One part of a search: the documents that it reads.
#[derive(Debug)]
pub(super) struct Way {
    by: By,
    /// The ids of the only flows, and of the only documents without a flow, that may have all words.
    owners: Option<Vec<String>>,
}

/// Which documents are read.
#[derive(Clone, Debug)]
enum By {
    /// The newest of all documents.
    Age,
    /// The newest with this value in a column.
    Column(&'static str, String),
    /// All whose column has one of these values.
    Values(&'static str, Vec<String>),
    /// All with the hash of the search.
    Hash,
    /// All in the folders that the search names.
    Place,
    /// All in the folders that show the user their documents.
    Shown,
    /// All of the flows that know the user.
    OwnFlows,
}

/// Returns the parts of the search. See the table of [`super`].
pub(super) async fn of(search: &Search, db: &Db, user: &User) -> Result<Vec<Way>, DbError> {
    let owners = Owners::of(search, db).await?;
    let bys = bys(search, db, user, owners.as_ref()).await?;
    let owners = owners.map(Owners::ids);
    Ok(bys.into_iter().map(|by| Way { owners: owners.clone().filter(|_| by.is_walk()), by }).collect())
}

/// The documents that one condition of a search selects, if they are few.
#[derive(Debug)]
pub(in crate::library) struct Few(Vec<By>);

/// Returns the few documents among which all matches are. `None`: no condition has few.
pub(in crate::library) async fn few(search: &Search, db: &Db, user: &User) -> Result<Option<Few>, DbError> {
    let owners = Owners::of(search, db).await?;
    if let Some(by) = of_values(search, db, user, owners.as_ref()).await? {
        return Ok(Some(Few(by)));
    }
    let column: Vec<By> = rarest_column(search, db, user).await?.into_iter().collect();
    let few = !column.is_empty() && are_few(&column, SHOWN, search, db, user).await?;
    Ok(few.then_some(Few(column)))
}

impl Few {
    /// Returns the condition that the document `d` is one of them.
    pub(in crate::library) fn condition(&self, filtered: &mut Filtered, search: &Search, user: &User) -> String {
        let of = |by: &By| {
            let condition = by.condition(filtered, search, user);
            format!("SELECT d.id FROM documents d WHERE d.deleted_at IS NULL AND {condition}")
        };
        format!("d.id IN ({})", self.0.iter().map(of).collect::<Vec<_>>().join(" UNION "))
    }
}

/// Returns the flows, the hash or the owners of the search, if they have few documents.
async fn of_values(search: &Search, db: &Db, user: &User, owners: Option<&Owners>) -> Result<Option<Vec<By>>, DbError> {
    if let Some(flow) = &search.flow {
        return Ok(Some(vec![By::Column("d.flow_id", flow.to_string())]));
    }
    let mut few = Vec::new();
    if search.hash.is_some() {
        few.push(vec![By::Hash]);
    }
    if let Some(flows) = &search.owing {
        few.push(vec![By::Values("d.flow_id", flows.iter().map(ToString::to_string).collect())]);
    }
    few.extend(owners.map(Owners::bys));
    for by in few {
        if are_few(&by, CANDIDATES, search, db, user).await? {
            return Ok(Some(by));
        }
    }
    Ok(None)
}

async fn bys(search: &Search, db: &Db, user: &User, owners: Option<&Owners>) -> Result<Vec<By>, DbError> {
    if let Some(by) = of_values(search, db, user, owners).await? {
        return Ok(by);
    }
    if let Some(by) = rarest_column(search, db, user).await? {
        return Ok(vec![by]);
    }
    let mut few = Vec::new();
    if search.space.is_some() || search.folder.is_some() {
        few.push(vec![By::Place]);
    }
    if !user.reads_all() {
        few.push(vec![By::Shown, By::OwnFlows]);
    }
    for by in few {
        if are_few(&by, SHOWN, search, db, user).await? {
            return Ok(by);
        }
    }
    Ok(vec![By::Age])
}

/// The flows, and the documents without a flow, that may have all words of a search.
#[derive(Debug)]
struct Owners {
    flows: Vec<String>,
    documents: Vec<String>,
}

impl Owners {
    /// `None`: there are many, or the search has no words.
    async fn of(search: &Search, db: &Db) -> Result<Option<Self>, DbError> {
        if search.q.is_empty() {
            return Ok(None);
        }
        let Some(flows) = owners::few(db, Class::Flow, &search.q).await? else { return Ok(None) };
        let documents = owners::few(db, Class::Document, &search.q).await?;
        Ok(documents.map(|documents| Self { flows, documents }))
    }

    fn bys(&self) -> Vec<By> {
        vec![By::Values("d.flow_id", self.flows.clone()), By::Values("d.id", self.documents.clone())]
    }

    fn ids(self) -> Vec<String> {
        [self.flows, self.documents].concat()
    }
}

/// How many documents a walk compares first.
const NEWEST: i64 = 200;

fn number_of(found: &[Cursor]) -> i64 {
    i64::try_from(found.len()).unwrap_or(i64::MAX)
}

/// Up to this number, all documents that a user or a place shows are read. With more of them, the newest fill a page
/// early.
const SHOWN: i64 = 5_000;

/// Returns true if these are fewer than `most` documents.
async fn are_few(all_by: &[By], most: i64, search: &Search, db: &Db, user: &User) -> Result<bool, DbError> {
    let mut left = most;
    for by in all_by {
        left -= by.count(most, search, db, user).await?;
    }
    Ok(left > 0)
}

/// Returns the column of the search that the fewest documents have. A column with many documents is read newest first.
async fn rarest_column(search: &Search, db: &Db, user: &User) -> Result<Option<By>, DbError> {
    let of_folder = search.folder.as_ref().filter(|_| !search.deep);
    let columns = [
        ("d.username", search.user.clone()),
        ("d.seal", search.seal.clone()),
        ("d.kind", search.kind.map(|kind| kind.as_str().to_owned())),
        ("d.folder_id", of_folder.map(ToString::to_string)),
    ];
    let mut all_by: Vec<By> =
        columns.into_iter().filter_map(|(column, value)| Some(By::Column(column, value?))).collect();
    if all_by.len() < 2 {
        return Ok(all_by.pop());
    }
    let mut counted = Vec::new();
    for by in all_by {
        counted.push((by.count(CANDIDATES, search, db, user).await?, by));
    }
    Ok(counted.into_iter().min_by_key(|(count, _)| *count).map(|(_, by)| by))
}

impl By {
    /// Returns true if the documents are read in the order of the list, up to a limit.
    const fn is_walk(&self) -> bool {
        matches!(self, Self::Age | Self::Column(..))
    }

    /// Returns the condition that selects the documents.
    fn condition(&self, filtered: &mut Filtered, search: &Search, user: &User) -> String {
        match self {
            Self::Age => "TRUE".to_owned(),
            Self::Column(column, value) => format!("{column} = {}", filtered.arg(value)),
            Self::Values(_, values) if values.is_empty() => "FALSE".to_owned(),
            Self::Values(column, values) => format!("{column} IN ({})", listed(filtered, values)),
            Self::Hash => search.content(filtered).unwrap_or_else(|| "TRUE".to_owned()),
            Self::Place => search.place(filtered).unwrap_or_else(|| "TRUE".to_owned()),
            Self::Shown => {
                let gives = gives(filtered, user, Right::View, "f");
                format!("d.folder_id IN (SELECT f.id FROM folders f WHERE {gives})")
            }
            Self::OwnFlows => {
                let names = listed(filtered, &user.names_in_flows());
                format!("d.flow_id IN (SELECT w.flow_id FROM flow_people w WHERE w.who IN ({names}))")
            }
        }
    }

    /// Counts the documents, up to `most`.
    async fn count(&self, most: i64, search: &Search, db: &Db, user: &User) -> Result<i64, DbError> {
        let mut filtered = Filtered::new("");
        let from = match self {
            // A user can take part in all flows. The engines would gather them before they count.
            Self::OwnFlows => {
                let names = listed(&mut filtered, &user.names_in_flows());
                format!(
                    "(SELECT w.flow_id FROM flow_people w WHERE w.who IN ({names}) LIMIT {most}) AS own
                       JOIN documents d ON d.flow_id = own.flow_id WHERE d.deleted_at IS NULL"
                )
            }
            other => {
                format!("documents d WHERE d.deleted_at IS NULL AND {}", other.condition(&mut filtered, search, user))
            }
        };
        let text = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {from} LIMIT {most}) AS few");
        filtered.headed(&text).end().scalar(db).await
    }
}

/// The order of the list.
const ORDER: &str = "d.received_at DESC, d.id";

/// The columns of a document that conditions name.
const COLUMNS: [&str; 9] = [
    "d.folder_id",
    "d.shelf",
    "d.name",
    "d.folded_names",
    "d.original_hash",
    "d.flow_id",
    "d.kind",
    "d.seal",
    "d.username",
];

impl Way {
    /// Returns the first `most` matches, newest first, and the document at which the search stopped before its end.
    pub(super) async fn matches(
        &self,
        search: &Search,
        db: &Db,
        user: &User,
        after: Option<&Cursor>,
        most: i64,
    ) -> Result<(Vec<Cursor>, Option<Cursor>), DbError> {
        if self.by.is_walk() {
            return self.walk(search, db, user, after.cloned(), most).await;
        }
        // They are few, so one statement compares all.
        let all = self.statement(search, user, after, None).newest_first(ORDER, most);
        Ok((all.all(db).await?, None))
    }

    /// As [`matches`](Self::matches). It reads the documents in pieces that grow.
    async fn walk(
        &self,
        search: &Search,
        db: &Db,
        user: &User,
        mut after: Option<Cursor>,
        most: i64,
    ) -> Result<(Vec<Cursor>, Option<Cursor>), DbError> {
        let (mut found, mut read, mut size) = (Vec::new(), 0, most.max(NEWEST));
        loop {
            size = size.min(CANDIDATES - read);
            let last = self.last_of(search, db, user, after.as_ref(), size).await?;
            let left = most - number_of(&found);
            let piece = self.statement(search, user, after.as_ref(), last.as_ref()).newest_first(ORDER, left);
            found.extend(piece.all::<Cursor>(db).await?);
            read += size;
            let Some(last) = last.filter(|_| number_of(&found) < most) else { return Ok((found, None)) };
            if read >= CANDIDATES {
                return Ok((found, Some(last)));
            }
            after = Some(last);
            // A look at the index costs nothing.
            size *= 4;
        }
    }

    /// Returns the last of the next `size` documents of a walk. `None`: there are fewer.
    async fn last_of(
        &self,
        search: &Search,
        db: &Db,
        user: &User,
        after: Option<&Cursor>,
        size: i64,
    ) -> Result<Option<Cursor>, DbError> {
        let mut filtered = Filtered::new("");
        let read = self.read(&mut filtered, search, user, after);
        let text = format!(
            "SELECT d.received_at, d.id FROM documents d WHERE {read} ORDER BY d.received_at DESC, d.id DESC LIMIT 1 OFFSET {}",
            size - 1
        );
        filtered.headed(&text).end().optional(db).await
    }

    /// Builds the statement that compares the documents from behind `after` to `last` with every condition.
    fn statement(&self, search: &Search, user: &User, after: Option<&Cursor>, last: Option<&Cursor>) -> Filtered {
        let mut filtered = Filtered::new("");
        let mut read = self.read(&mut filtered, search, user, after);
        if let Some(last) = last {
            let (at, id) = (filtered.arg(last.received_at), filtered.arg(&last.id));
            read = format!("{read} AND (d.received_at, d.id) >= ({at}, {id})");
        }
        // The index has these columns, so the rows of other documents are not read.
        for condition in search.equal(&mut filtered) {
            read = format!("{read} AND {condition}");
        }
        let mut conditions = Vec::new();
        if let Some(owners) = &self.owners {
            conditions.push(format!("COALESCE(d.flow_id, d.id) IN ({})", listed(&mut filtered, owners)));
        }
        conditions.extend(search.conditions(&mut filtered));
        conditions.push(sees(&mut filtered, user));
        if search.folder.is_some() {
            // A folder does not show what only a flow shows.
            conditions.push(not_hidden(user).to_owned());
        }
        let named = conditions.join(" ");
        let columns: Vec<&str> = COLUMNS.into_iter().filter(|column| named.contains(column)).collect();
        let columns = [["d.id", "d.received_at"].as_slice(), &columns].concat().join(", ");
        let order = if self.by.is_walk() { "ORDER BY d.received_at DESC, d.id DESC " } else { "" };
        // The limit also keeps the engines from reading another index for one of the conditions.
        let head = format!(
            "SELECT d.id, d.received_at FROM (SELECT {columns} FROM documents d WHERE {read} {order}LIMIT {}) AS d",
            i64::MAX
        );
        conditions.iter().fold(filtered, |filtered, condition| filtered.when(condition)).headed(&head)
    }

    /// Returns the conditions that the index answers.
    fn read(&self, filtered: &mut Filtered, search: &Search, user: &User, after: Option<&Cursor>) -> String {
        let mut conditions = vec!["d.deleted_at IS NULL".to_owned(), self.by.condition(filtered, search, user)];
        conditions.extend(search.time(filtered));
        conditions.extend(after.map(|after| {
            let (at, id) = (filtered.arg(after.received_at), filtered.arg(&after.id));
            format!("(d.received_at, d.id) < ({at}, {id})")
        }));
        conditions.join(" AND ")
    }
}
