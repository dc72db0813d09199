//! Reads the list of missing photos.

use super::read::{Answer, Node};
use crate::provider::Owed;

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
