//! Conditions of a list that no index has: the phase, and missing photos.

use super::{
    Phase,
    head::{FlowHead, heads},
    list::{self, Filter},
};
use crate::{
    db::{Db, DbError},
    id::FlowId,
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
    mut after: Option<FlowId>,
    limit: i64,
) -> Result<(Vec<FlowHead>, Option<FlowId>), DbError> {
    let step = if narrow.keeps_all() { limit } else { STEP };
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut items, mut read) = (Vec::new(), 0);
    loop {
        // One more shows if another page follows.
        let list::ListedFlows { flows: mut ids, stopped } =
            list::page(db, filter, user, after.as_ref(), step + 1).await?;
        let full = ids.len() > usize::try_from(step).unwrap_or(usize::MAX);
        ids.truncate(usize::try_from(step).unwrap_or(usize::MAX));
        read += ids.len();
        let more = full || stopped.is_some();
        let last = stopped.or_else(|| ids.last().cloned());
        for head in heads(db, &ids).await?.into_iter().filter(|head| narrow.keeps(head)) {
            items.push(head);
            if items.len() == wanted {
                let end = items.last().map(|head| head.id.clone());
                return Ok((items, end.filter(|end| more || Some(end) != last.as_ref())));
            }
        }
        if !full || read >= MOST {
            return Ok((items, last.filter(|_| more)));
        }
        after = last;
    }
}
