//! What is wrong with a flow and needs a person. Heads and lists show it, and a list shows only such flows.

use std::{collections::HashMap, fmt::Write};

use crate::{
    db::{Db, DbError, placeholders, sql},
    id::FlowId,
    vocabulary::{UnknownWord, words},
};

words! {
    /// What is wrong with a flow.
    Trouble {
        /// The vendor refused an application.
        ApplicationFailed = "application_failed",
        /// The answer to an application was lost, so the vendor may have it.
        ApplicationUnknown = "application_unknown",
        /// The vendor does not have a stamped file or a supplied photo.
        DeliveryFailed = "delivery_failed",
        /// The answer to a stamped file or a supplied photo was lost.
        DeliveryUnknown = "delivery_unknown",
        /// Photos are given up: only a user runs them again.
        PhotosParked = "photos_parked",
        /// The flow waits only for disabled users, or for a role that no user has.
        PeopleGone = "people_gone",
    }
}

impl Trouble {
    /// Returns the query of the flows with this trouble. It reads a narrow index.
    const fn flows(self) -> &'static str {
        match self {
            Self::ApplicationFailed => {
                "SELECT s.flow_id FROM seal_uses s JOIN flows f ON f.id = s.flow_id
                 WHERE s.status = 'failed' AND NOT s.superseded AND f.state = 'running'"
            }
            Self::ApplicationUnknown => "SELECT s.flow_id FROM seal_uses s WHERE s.status = 'unknown'",
            // The vendor takes some types never (not `resend`). A user can take such a file out until the flow ends.
            Self::DeliveryFailed => {
                "SELECT s.flow_id FROM dispatches v JOIN seal_uses s ON s.id = v.seal_use_id
                 JOIN flows f ON f.id = s.flow_id LEFT JOIN documents d ON d.id = v.document_id
                 WHERE v.state = 'failed' AND d.deleted_at IS NULL AND (v.kind = 'photo' OR d.field_key IS NOT NULL)
                   AND (v.resend OR f.state NOT IN ('archived', 'withdrawn'))"
            }
            Self::DeliveryUnknown => {
                "SELECT s.flow_id FROM dispatches v JOIN seal_uses s ON s.id = v.seal_use_id
                 LEFT JOIN documents d ON d.id = v.document_id
                 WHERE v.state = 'unknown' AND d.deleted_at IS NULL AND (v.kind = 'photo' OR d.field_key IS NOT NULL)"
            }
            // An accepted loss is no trouble, and neither is a photo for which users supplied another one.
            Self::PhotosParked => {
                "SELECT s.flow_id FROM photos p JOIN seal_uses s ON s.id = p.seal_use_id
                 WHERE p.state = 'failed' AND p.listed AND p.original_hash IS NULL AND NOT p.loss_accepted
                   AND (p.grant_id IS NULL OR
                     (SELECT COUNT(*) FROM photos o WHERE o.grant_id = p.grant_id AND o.kind = p.kind
                        AND o.original_hash IS NULL AND o.state = 'failed' AND o.listed) >
                     (SELECT COUNT(*) FROM photos o WHERE o.grant_id = p.grant_id AND o.kind = p.kind
                        AND o.original_hash IS NOT NULL AND o.supplied_by IS NOT NULL))"
            }
            Self::PeopleGone => "SELECT g.flow_id FROM flow_people g WHERE g.gone",
        }
    }
}

/// Which trouble a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Troubled {
    /// Flows with any trouble.
    Any,
    With(Trouble),
}

impl std::str::FromStr for Troubled {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        if text == "true" { Ok(Self::Any) } else { text.parse().map(Self::With) }
    }
}

impl Troubled {
    /// Returns the query of the flows that the list shows. A flow may come more than once.
    #[must_use]
    pub fn flows(self) -> String {
        match self {
            Self::With(trouble) => trouble.flows().to_owned(),
            Self::Any => Trouble::ALL.iter().map(|trouble| trouble.flows()).collect::<Vec<_>>().join(" UNION "),
        }
    }
}

/// Reads the troubles of several flows, in the order of [`Trouble`].
pub(super) async fn of(db: &Db, flows: &[FlowId]) -> Result<HashMap<FlowId, Vec<Trouble>>, DbError> {
    let mut found: HashMap<FlowId, Vec<Trouble>> = HashMap::new();
    if flows.is_empty() {
        return Ok(found);
    }
    let (list, mut text) = (placeholders(1, flows.len()), String::new());
    for (n, trouble) in Trouble::ALL.iter().enumerate() {
        let union = if n == 0 { "" } else { " UNION " };
        // Writing into a string cannot fail.
        let _ = write!(
            text,
            "{union}SELECT t.flow_id, '{trouble}' AS trouble FROM ({}) AS t WHERE t.flow_id IN {list}",
            trouble.flows()
        );
    }
    let rows: Vec<(FlowId, String)> = sql(text).bind_all(flows).all(db).await?;
    for (flow, word) in rows {
        let trouble: Trouble = word.parse().map_err(|error: UnknownWord| DbError::Decode(error.into()))?;
        found.entry(flow).or_default().push(trouble);
    }
    for troubles in found.values_mut() {
        troubles.sort();
    }
    Ok(found)
}
