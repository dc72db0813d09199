//! Photos that are owed, as the vendor counts them.

use super::read::{Answer, Node};
use crate::clock::Timestamp;

/// A grant whose stampings outnumber its photos. Its seal code is not read: nobody needs it here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// The vendor's id of the authorisation.
    pub auth_id: String,
    pub business_id: Option<String>,
    pub user_name: Option<String>,
    pub seal_id: Option<String>,
    pub subject: Option<String>,
    pub create_time: Option<Timestamp>,
    pub complete: bool,
    pub complete_time: Option<Timestamp>,
    /// Photos owed.
    pub owed: u32,
    /// Photos there.
    pub photos: u32,
    /// Stampings counted.
    pub used: u32,
}

pub(crate) fn owed(answer: &Answer) -> Vec<Owed> {
    let owed = |node: &Node| {
        Some(Owed {
            auth_id: node.text("id")?,
            business_id: node.text("businessId"),
            user_name: node.text("userName"),
            seal_id: node.text("sealId"),
            subject: node.text("subject"),
            create_time: node.time("createTime"),
            complete: node.truth("complete"),
            complete_time: node.time("completeTime"),
            owed: node.count("oweUseImageCount"),
            photos: node.count("useImageCount"),
            used: node.count("usedCount"),
        })
    };
    answer.list(&["result", "list"]).iter().filter_map(owed).collect()
}
