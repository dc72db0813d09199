//! What a head shows beyond the row of its flow: for whom it waits, its counts, what is missing. The number of queries
//! does not depend on the number of flows.

use std::collections::HashMap;

use sqlx::FromRow;

use crate::{
    db::{Db, DbError, placeholders, sql},
    flow::trouble::{self, Trouble},
    id::{FlowId, SealUseId},
    seal_use::{
        Counts, Grant,
        counts::{self, Tally},
    },
};

/// The facts of one flow.
#[derive(Clone, Debug, Default)]
pub(in crate::flow) struct HeadFacts {
    /// Live seal uses. A superseded seal use is not live.
    pub(super) uses: usize,
    /// Live seal uses that have not ended.
    pub(super) open: usize,
    /// The sums of the live seal uses. `None` without a live seal use.
    pub(super) counts: Option<Counts>,
    /// Photos that are given up.
    pub(super) parked: i64,
    pub(super) waits_for: Vec<String>,
    pub(super) trouble: Vec<Trouble>,
    /// The files fields that have a document.
    pub(super) filled: Vec<String>,
}

#[derive(FromRow)]
struct UseRow {
    id: SealUseId,
    flow_id: FlowId,
    ended: bool,
}

/// Reads the facts of several flows.
pub(in crate::flow) async fn of(db: &Db, flows: &[FlowId]) -> Result<HashMap<FlowId, HeadFacts>, DbError> {
    let mut facts: HashMap<FlowId, HeadFacts> = HashMap::new();
    if flows.is_empty() {
        return Ok(facts);
    }
    let list = placeholders(1, flows.len());
    count_uses(db, flows, &list, &mut facts).await?;
    let parked: Vec<(FlowId, i64)> = sql(format!(
        "SELECT s.flow_id, COUNT(*) FROM photos p JOIN seal_uses s ON s.id = p.seal_use_id
         WHERE s.flow_id IN {list} AND p.state = 'failed' AND p.listed AND p.original_hash IS NULL GROUP BY s.flow_id"
    ))
    .bind_all(flows)
    .all(db)
    .await?;
    for (flow, photos) in parked {
        facts.entry(flow).or_default().parked = photos;
    }
    let waiting: Vec<(FlowId, String)> = sql(format!(
        "SELECT flow_id, who FROM flow_people WHERE flow_id IN {list} AND (turn OR stamps)
         ORDER BY flow_id, CASE WHEN place IS NULL THEN 1 ELSE 0 END, place, who"
    ))
    .bind_all(flows)
    .all(db)
    .await?;
    for (flow, who) in waiting {
        facts.entry(flow).or_default().waits_for.push(who);
    }
    for (flow, trouble) in trouble::of(db, flows).await? {
        facts.entry(flow).or_default().trouble = trouble;
    }
    let filled: Vec<(FlowId, String)> = sql(format!(
        "SELECT DISTINCT flow_id, field_key FROM documents
         WHERE flow_id IN {list} AND field_key IS NOT NULL AND deleted_at IS NULL"
    ))
    .bind_all(flows)
    .all(db)
    .await?;
    for (flow, field) in filled {
        facts.entry(flow).or_default().filled.push(field);
    }
    Ok(facts)
}

/// Reads the sums of the live seal uses of several flows.
pub(in crate::flow) async fn counts_of(db: &Db, flows: &[FlowId]) -> Result<HashMap<FlowId, Counts>, DbError> {
    let mut facts = HashMap::new();
    if !flows.is_empty() {
        count_uses(db, flows, &placeholders(1, flows.len()), &mut facts).await?;
    }
    Ok(facts.into_iter().filter_map(|(flow, facts)| Some((flow, facts.counts?))).collect())
}

/// Counts the live seal uses and their photos.
async fn count_uses(
    db: &Db,
    flows: &[FlowId],
    list: &str,
    facts: &mut HashMap<FlowId, HeadFacts>,
) -> Result<(), DbError> {
    let uses: Vec<UseRow> = sql(format!(
        "SELECT id, flow_id, CASE WHEN status IN ('complete', 'finished') THEN TRUE ELSE FALSE END AS ended
         FROM seal_uses WHERE flow_id IN {list} AND NOT superseded"
    ))
    .bind_all(flows)
    .all(db)
    .await?;
    let ids: Vec<&SealUseId> = uses.iter().map(|seal_use| &seal_use.id).collect();
    let mut grants: HashMap<SealUseId, Vec<Grant>> = HashMap::new();
    for grant in Grant::of_seal_uses(db, &ids).await? {
        grants.entry(grant.seal_use_id.clone()).or_default().push(grant);
    }
    let mut tallies: HashMap<SealUseId, Vec<Tally>> = HashMap::new();
    for tally in counts::tallies(db, &ids).await? {
        tallies.entry(tally.seal_use_id.clone()).or_default().push(tally);
    }
    for seal_use in &uses {
        let own_grants = grants.remove(&seal_use.id).unwrap_or_default();
        let own = counts::count(&own_grants, &tallies.remove(&seal_use.id).unwrap_or_default()).sum;
        let of_flow = facts.entry(seal_use.flow_id.clone()).or_default();
        of_flow.uses += 1;
        of_flow.open += usize::from(!seal_use.ended);
        let sum = of_flow.counts.get_or_insert_default();
        sum.authorised += own.authorised;
        sum.counted += own.counted;
        sum.received += own.received;
        sum.missing += own.missing;
    }
    Ok(())
}
