//! The documents that a user may see, as a condition of a statement.

use crate::{
    db::filter::Filtered,
    library::Space,
    user::{Role, User},
};

/// Returns the condition that the user may see the document `d`: by its shelf, or as a participant of its flow. Faces
/// need the right to read all.
pub(super) fn sees(filtered: &mut Filtered, user: &User) -> String {
    let of_flow = takes_part(filtered, user);
    if user.reads_all() {
        return format!("(d.shelf <> 'draft' OR {of_flow})");
    }
    let shelves: Vec<String> = shelves(user).into_iter().map(|shelf| filtered.arg(shelf)).collect();
    format!("((d.shelf IN ({}) OR {of_flow}) AND {NO_FACE})", shelves.join(", "))
}

const NO_FACE: &str = "(d.kind IS NULL OR d.kind NOT IN ('face', 'unknown'))";

/// Limits a query to documents that `user` may see.
pub(in crate::library) fn only_visible(mut filtered: Filtered, user: &User) -> Filtered {
    let sees = sees(&mut filtered, user);
    filtered.when("d.deleted_at IS NULL").when(&sees)
}

/// Returns the condition that the flow of the document `d` knows the user.
pub(super) fn takes_part(filtered: &mut Filtered, user: &User) -> String {
    format!("EXISTS (SELECT 1 FROM flow_people w WHERE w.flow_id = d.flow_id AND w.who IN ({}))", names(filtered, user))
}

/// Returns the names by which flows know the user, as a list of parameters.
pub(super) fn names(filtered: &mut Filtered, user: &User) -> String {
    let names: Vec<String> = user.names_in_flows().into_iter().map(|name| filtered.arg(name)).collect();
    names.join(", ")
}

/// Returns the condition that the folder `f` shows its documents to the user.
pub(super) fn shows(filtered: &mut Filtered, user: &User) -> String {
    let own = filtered.arg(&user.id);
    let system = if user.has(Role::Archivist) { " OR f.space = 'system'" } else { "" };
    format!("(f.space = 'public' OR f.owner = {own}{system})")
}

/// Returns the visible shelves: public folders, the user's own folders and, for archivists, system folders.
pub(in crate::library) fn shelves(user: &User) -> Vec<String> {
    let system = user.has(Role::Archivist).then(|| Space::System.to_string());
    [Space::Public.to_string(), user.id.to_string()].into_iter().chain(system).collect()
}
