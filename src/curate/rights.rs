//! Sets and shows the rights of a folder.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::folders::{self, FolderError, check, managed};
use crate::{
    audit::Act,
    db::{Db, DbError, Tx},
    id::FolderId,
    library::{
        folder::{Folder, shown, tree},
        rights::{
            EVERYONE, Right, Rights, Sight,
            entries::{self, Entries},
        },
    },
    user::{Acting, Role, User},
};

/// The most entries of one folder.
const MOST: usize = 200;

/// Some rights of everyone, a role or a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "one member for each right, as in the API")]
pub struct RightsEntry {
    /// `everyone`, `role:<role>` or `user:<username>`.
    #[schema(pattern = r"^(everyone|role:[a-z]+|user:.+)$")]
    pub who: String,
    #[serde(default)]
    pub view: bool,
    #[serde(default)]
    pub download: bool,
    #[serde(default)]
    pub manage: bool,
    #[serde(default)]
    pub faces: bool,
}

/// An entry that a folder inherits.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct InheritedEntry {
    #[serde(flatten)]
    pub entry: RightsEntry,
    /// The path of the folder that has the entry, or the space.
    pub from: String,
}

/// The rights of a folder.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FolderRights {
    /// False: the rights of the folder above end here, but not those of administrators and auditors.
    pub inherits: bool,
    pub entries: Vec<RightsEntry>,
    /// Entries from above, the nearest first.
    pub inherited: Vec<InheritedEntry>,
}

/// The rights of a folder as a user sets them.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRights {
    pub inherits: bool,
    #[schema(max_items = 200)]
    pub entries: Vec<RightsEntry>,
}

/// What a user may do with a folder, and why.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RightsOf {
    #[schema(value_type = Vec<Right>)]
    pub can: Rights,
    /// The entries that give the rights. `from` is the path of a folder, a space, or a role that may do this everywhere.
    pub because: Vec<InheritedEntry>,
}

#[derive(Debug, thiserror::Error)]
pub enum RightsError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("{message}")]
    Bad { member: String, message: &'static str },
    #[error(transparent)]
    Db(#[from] DbError),
}

impl RightsEntry {
    fn of(who: &str, rights: Rights) -> Self {
        Self {
            who: who.to_owned(),
            view: rights.has(Right::View),
            download: rights.has(Right::Download),
            manage: rights.has(Right::Manage),
            faces: rights.has(Right::Faces),
        }
    }

    fn rights(&self) -> Rights {
        let given = [
            (self.view, Right::View),
            (self.download, Right::Download),
            (self.manage, Right::Manage),
            (self.faces, Right::Faces),
        ];
        Rights::of(given.into_iter().filter(|(given, _)| *given).map(|(_, right)| right))
    }
}

/// Replaces the rights of a folder. They hold from the commit on.
pub async fn set(acting: Acting<'_>, id: &FolderId, new: &NewRights) -> Result<FolderRights, RightsError> {
    let mut tx = acting.db.begin().await?;
    tree::lock(&mut tx).await?;
    let sight = Sight::of(&mut tx, acting.user).await?;
    let folder = managed(&mut tx, id, &sight).await?;
    let checked = checked(&mut tx, &new.entries).await?;
    let before = entries::of_shelf(&mut tx, &folder.shelf).await?;
    entries::replace(&mut tx, id, new.inherits, &checked).await?;
    entries::reshelve(&mut tx, &Folder { inherits: new.inherits, ..folder.clone() }).await?;
    folders::keep_faces(&mut tx, &folder, &before, &sight).await?;
    let given = checked.iter().map(|(who, rights)| format!("{who}={}", words(*rights)));
    let inherits = if new.inherits { "inherits" } else { "inherits nothing" };
    let detail = [inherits.to_owned()].into_iter().chain(given).collect::<Vec<_>>().join(", ");
    acting.commit(tx, acting.entry(Act::RightsChanged, id.as_str()).detail(&detail)).await?;
    // The user may have given up the right to read them.
    let folder = Folder { inherits: new.inherits, ..folder };
    rights_of(acting.db, &folder, &sight).await.map_err(Into::into)
}

fn words(rights: Rights) -> String {
    Right::ALL.iter().filter(|right| rights.has(**right)).map(|right| right.as_str()).collect::<Vec<_>>().join("+")
}

/// Checks the entries that a user sent.
async fn checked(tx: &mut Tx, sent: &[RightsEntry]) -> Result<Entries, RightsError> {
    let bad = |at: usize, message| RightsError::Bad { member: format!("entries[{at}].who"), message };
    if sent.len() > MOST {
        let message = "has more than 200 entries; name roles in place of users";
        return Err(RightsError::Bad { member: "entries".to_owned(), message });
    }
    let mut entries = BTreeMap::new();
    for (at, entry) in sent.iter().enumerate() {
        let known = match entry.who.split_once(':') {
            None => entry.who == EVERYONE,
            Some(("role", role)) => role.parse::<Role>().is_ok(),
            Some(("user", name)) => User::named(&mut *tx, name).await?.is_some(),
            Some(_) => false,
        };
        if !known {
            return Err(bad(at, "is no role and no user; send everyone, role:<role> or user:<username>"));
        }
        if entry.rights().is_empty() {
            return Err(bad(at, "gets no right; set a right, or remove the entry"));
        }
        if entries.insert(entry.who.clone(), entry.rights()).is_some() {
            return Err(bad(at, "is named twice; send one entry"));
        }
    }
    Ok(entries)
}

/// Returns the rights of a folder, for a user that manages it.
pub async fn show(db: &Db, id: &FolderId, user: &User) -> Result<FolderRights, RightsError> {
    let sight = Sight::of(db, user).await?;
    let folder = Folder::find(db, id).await?.ok_or(FolderError::NotFound)?;
    check(sight.on(&folder), Right::Manage)?;
    Ok(rights_of(db, &folder, &sight).await?)
}

async fn rights_of(db: &Db, folder: &Folder, sight: &Sight) -> Result<FolderRights, DbError> {
    let own = entries::own(db, &folder.id).await?;
    Ok(FolderRights {
        inherits: folder.inherits,
        entries: own.iter().map(|(who, rights)| RightsEntry::of(who, *rights)).collect(),
        inherited: inherited(db, folder, sight).await?,
    })
}

/// Returns what another user may do with a folder, for a user that manages it.
pub async fn of(db: &Db, id: &FolderId, user: &User, username: &str) -> Result<RightsOf, RightsError> {
    let sight = Sight::of(db, user).await?;
    let folder = Folder::find(db, id).await?.ok_or(FolderError::NotFound)?;
    check(sight.on(&folder), Right::Manage)?;
    let message = "is no user; send a username";
    let other = User::named(db, username).await?;
    let other = other.ok_or(RightsError::Bad { member: "user".to_owned(), message })?;
    let names: Vec<String> = other.names_in_flows().into_iter().chain([EVERYONE.to_owned()]).collect();
    let path = shown::path(db, &folder, &sight).await?;
    let own = entries::own(db, id).await?;
    let own =
        own.iter().map(|(who, rights)| InheritedEntry { entry: RightsEntry::of(who, *rights), from: path.clone() });
    let mut because: Vec<InheritedEntry> = own.chain(inherited(db, &folder, &sight).await?).collect();
    because.retain(|entry| names.contains(&entry.entry.who));
    let other = Sight::of(db, &other).await?;
    if !other.everywhere_rights().is_empty() {
        let role = if other.user().is_admin() { Role::Admin } else { Role::Auditor };
        let who = format!("role:{role}");
        because.push(InheritedEntry { entry: RightsEntry::of(&who, other.everywhere_rights()), from: who });
    }
    Ok(RightsOf { can: other.on(&folder), because })
}

/// Returns the entries that a folder inherits, the nearest first.
async fn inherited(db: &Db, folder: &Folder, sight: &Sight) -> Result<Vec<InheritedEntry>, DbError> {
    let (mut found, mut at) = (Vec::new(), folder.clone());
    while at.inherits {
        let Some(above) = Folder::above(db, &at).await? else {
            let entries = entries::of_space(db, at.space, &at.space_shelf()).await?;
            found.extend(from_above(&entries, at.space.as_str()));
            break;
        };
        at = above;
        found.extend(from_above(&entries::own(db, &at.id).await?, &shown::path(db, &at, sight).await?));
    }
    Ok(found)
}

fn from_above(entries: &Entries, from: &str) -> Vec<InheritedEntry> {
    let entry = |(who, rights): (&String, &Rights)| InheritedEntry {
        entry: RightsEntry::of(who, *rights),
        from: from.to_owned(),
    };
    entries.iter().map(entry).collect()
}
