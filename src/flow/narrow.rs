//! Conditions of a list that no index has: the phase, and missing photos.

use super::{
    Phase,
    head::{FlowHead, heads},
    list::{self, Filter, ListedFlow},
};
use crate::{
    db::{Db, DbError},
    id::{FlowId, ListKey},
    user::User,
};

/// Conditions on what a head shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Narrow {
    pub phase: Option<Phase>,
    /// Only flows with missing photos.
    pub missing: bool,
}

/// How many flows one request reads for a page, in steps of [`STEP`]. A page can therefore be short.
const MOST: usize = 1_000;
const STEP: i64 = 200;

impl Narrow {
    fn keeps(self, head: &FlowHead) -> bool {
        self.phase.is_none_or(|phase| head.phase == Some(phase))
            && (!self.missing || head.counts.is_some_and(|counts| counts.missing > 0))
    }

    fn keeps_all(self) -> bool {
        self.phase.is_none() && !self.missing
    }
}

/// Returns a page of heads and the cursor of the next page.
pub async fn page(
    db: &Db,
    filter: &Filter,
    narrow: &Narrow,
    user: &User,
    mut after: Option<ListKey>,
    limit: i64,
) -> Result<(Vec<FlowHead>, Option<ListKey>), DbError> {
    let step = if narrow.keeps_all() { limit } else { STEP };
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut items, mut read) = (Vec::new(), 0);
    loop {
        // One more shows if another page follows.
        let list::ListedFlows { mut flows, stopped } = list::page(db, filter, user, after.as_ref(), step + 1).await?;
        let full = flows.len() > usize::try_from(step).unwrap_or(usize::MAX);
        flows.truncate(usize::try_from(step).unwrap_or(usize::MAX));
        read += flows.len();
        let more = full || stopped.is_some();
        let last = stopped.or_else(|| flows.last().map(|flow| flow.place.clone()));
        let ids: Vec<FlowId> = flows.iter().map(|flow| flow.id.clone()).collect();
        for (head, place) in with_places(heads(db, &ids).await?, flows) {
            if !narrow.keeps(&head) {
                continue;
            }
            items.push(head);
            if items.len() == wanted {
                return Ok((items, Some(place).filter(|place| more || Some(place) != last.as_ref())));
            }
        }
        if !full || read >= MOST {
            return Ok((items, last.filter(|_| more)));
        }
        after = last;
    }
}

/// Returns each head with the place of its flow. A draft that its starter has just withdrawn has no head.
fn with_places(heads: Vec<FlowHead>, flows: Vec<ListedFlow>) -> Vec<(FlowHead, ListKey)> {
    let mut heads = heads.into_iter().peekable();
    let place = |flow: ListedFlow| heads.next_if(|head| head.id == flow.id).map(|head| (head, flow.place));
    flows.into_iter().filter_map(place).collect()
}
