//! Explains why a user has no turn. The rules only say that the user has none.

use super::{StepError, owed_files};
use crate::{
    db::Tx,
    definition::Node,
    flow::{
        actions::{Action, Refusal},
        approval,
        assign::Casting,
        case::Case,
        required_files,
    },
    user::User,
};

/// Checks that the user may do `action` at the node that they looked at.
pub(super) async fn check(
    tx: &mut Tx,
    case: &Case,
    user: &User,
    action: Action,
    looked_at: Option<&str>,
) -> Result<(), StepError> {
    if case.has_left(looked_at) {
        return Err(StepError::MovedOn);
    }
    match (case.check(tx, user, action).await?, case.node()) {
        (Ok(()), _) => Ok(()),
        (Err(Refusal::NotYours(_)), Some(node)) if action != Action::Withdraw => Err(why(tx, case, node, user).await?),
        (Err(Refusal::FilesMissing), _) => {
            let empty = required_files::empty(tx, &case.flow.id, &case.body).await?;
            Err(StepError::FieldRequired(owed_files(&case.body, empty)))
        }
        (Err(refusal), _) => Err(refusal.into()),
    }
}

async fn why(tx: &mut Tx, case: &Case, node: &Node, user: &User) -> Result<StepError, StepError> {
    if case.people.comes_later(user) {
        return Ok(StepError::NotYet);
    }
    let names = user.names_in_flows();
    let form = case.flow.values()?;
    let casting = Casting { body: &case.body, form: &form, starter: &case.flow.starter, users: &case.users };
    let assigned = |node: &Node| casting.assignees(node).iter().any(|who| names.contains(who));
    if assigned(node) || approval::given(&mut *tx, &case.flow, &node.key, user).await? {
        return Ok(StepError::ActedAlready);
    }
    let passed = case.body.nodes.iter().take_while(|earlier| earlier.key != node.key);
    if case.people.has_acted(user) || passed.into_iter().any(assigned) {
        return Ok(StepError::MovedOn);
    }
    Ok(StepError::NotAssigned)
}
