//! Reads the vendor's answers tolerantly: ids as text or number, missing lists as empty, unknown members ignored.

mod catalogue;
mod owed;
mod read;

use crate::provider::{
    AppendLog, Auth, Created, Detail, Hidden, PhotoRef, ProviderError, Status, qiyuesuo::is_business_id,
};

pub(super) use catalogue::{categories, seals};
pub(super) use owed::owed;
pub(super) use read::Answer;
use read::Node;

/// Reads the vendor's word for the status of a seal use.
#[must_use]
pub fn read_status(word: &str) -> Status {
    let word = word.trim().to_ascii_uppercase();
    match word.as_str() {
        "USING" => Status::Using,
        "COMPLETE" => Status::Complete,
        "FINISHED" => Status::Finished,
        // Not seen in physical seal use, but in the vendor's other products.
        "END" | "FORCE_END" | "FINISH" | "COMPLETED" => Status::Ended(word),
        _ => Status::Other(word),
    }
}

/// Reads a detail that was stored before ([`Detail::raw`]).
pub fn read_detail(text: &str, business_id: &str) -> Result<Detail, ProviderError> {
    detail(Answer::parse(text.to_owned())?, business_id)
}

pub(super) fn created(answer: &Answer) -> Result<Created, ProviderError> {
    let result = answer.result()?;
    let id = result.text("id").filter(|id| is_business_id(id));
    let id = id.ok_or_else(|| ProviderError::Garbled("an application without a business id".to_owned()))?;
    Ok(Created { id, status: result.status(), auths: result.each("sealAuths", auth) })
}

/// Reads the answer to an append. It need not repeat the id: code 0 says that the uses were appended.
pub(super) fn appended(answer: &Answer, business_id: &str) -> Result<Created, ProviderError> {
    let Ok(result) = answer.result() else {
        return Ok(Created { id: business_id.to_owned(), status: Status::Using, auths: Vec::new() });
    };
    let id = result.text("id").unwrap_or_else(|| business_id.to_owned());
    if id != business_id {
        return Err(ProviderError::Garbled("the answer for another seal use".to_owned()));
    }
    Ok(Created { id, status: result.status(), auths: result.each("sealAuths", auth) })
}

pub(super) fn detail(answer: Answer, business_id: &str) -> Result<Detail, ProviderError> {
    let result = answer.result()?;
    let id = result.text("id").unwrap_or_else(|| business_id.to_owned());
    if id != business_id {
        return Err(ProviderError::Garbled("the detail of another seal use".to_owned()));
    }
    let detail = Detail {
        id,
        subject: result.text("subject"),
        serial_no: result.text("serialNo"),
        status: result.status(),
        create_time: result.time("createTime"),
        auths: result.each("sealAuths", auth),
        face_images: result.each("faceImages", photo),
        use_images: result.each("useImages", photo),
        append_logs: result.each("appendLogs", append_log),
        raw: Hidden::default(),
    };
    Ok(Detail { raw: Hidden::new(answer.into_text()), ..detail })
}

fn auth(node: Node) -> Option<Auth> {
    Some(Auth {
        id: node.text("id")?,
        user_id: node.text("userId"),
        user_name: node.text("userName"),
        left_count: node.text("leftCount").map(|_| node.count("leftCount")),
        used_count: node.count("usedCount"),
        // The vendor's spelling.
        code: node.text("vertifyCode").map(Hidden::new),
        complete: node.truth("complete"),
        complete_time: node.time("completeTime"),
        contact: node.text("contact"),
        number: node.text("number"),
        seal_id: node.text("sealId"),
        seal_name: node.text("sealName"),
        owner_name: node.text("ownerName"),
        device_no: node.text("deviceNo"),
    })
}

fn photo(node: Node) -> Option<PhotoRef> {
    Some(PhotoRef { auth_id: node.text("authId"), photokey: node.text("photokey")? })
}

#[expect(clippy::unnecessary_wraps, reason = "the same shape as the readers of other lists")]
fn append_log(node: Node) -> Option<AppendLog> {
    Some(AppendLog {
        user_name: node.text("userName"),
        count: node.count("count"),
        create_time: node.time("createTime"),
        contact: node.text("contact"),
        number: node.text("number"),
    })
}
