//! Reads the vendor's answers tolerantly: ids as text or number, missing lists as empty, unknown members ignored.

mod catalogue;
mod owed;
mod read;

use std::borrow::Cow;

use serde_json::Value;

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
    // The application was accepted, so an unreadable grant must not make the answer an error. The detail tells it again.
    let auths = result.each("sealAuths", auth).into_iter().filter(|auth| Node::check_id(&auth.id).is_ok()).collect();
    Ok(Created { id, status: result.status(), auths })
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
    let photos = detail.face_images.iter().chain(&detail.use_images).map(|photo| &photo.photokey);
    detail.auths.iter().map(|auth| &auth.id).chain(photos).try_for_each(|id| Node::check_id(id))?;
    Ok(Detail { raw: Hidden::new(answer.into_text()), ..detail })
}

/// The member with the seal code, in the vendor's spelling.
const CODE: &str = "vertifyCode";

/// Returns the text of an answer with null for each seal code. A text without a code stays as it is.
#[must_use]
pub fn without_codes(text: &str) -> Cow<'_, str> {
    let Ok(mut json) = serde_json::from_str::<Value>(text) else { return text.into() };
    if drop_codes(&mut json) { json.to_string().into() } else { text.into() }
}

/// Returns true if a member of this name holds a seal code.
#[must_use]
pub fn is_code(name: &str) -> bool {
    let name = name.trim();
    name.eq_ignore_ascii_case(CODE) || name.eq_ignore_ascii_case("verifyCode")
}

/// Returns true if the text has the name of a seal code before a value. `syncVertifyCode` as a word has none.
#[must_use]
pub fn names_code(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["vertifycode", "verifycode"].iter().any(|name| {
        let mut after = text.split(name).skip(1);
        after.any(|rest| rest.trim_start_matches(['"', '\'', '\\', ' ', ']']).starts_with(['=', ':']))
    })
}

/// Returns true if there was a code.
fn drop_codes(json: &mut Value) -> bool {
    let mut found = false;
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                if is_code(name) && !value.is_null() {
                    *value = Value::Null;
                    found = true;
                } else {
                    found |= drop_codes(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| found |= drop_codes(item)),
        Value::String(inner) if names_code(inner) => {
            // JSON in a text.
            let without = match serde_json::from_str::<Value>(inner) {
                Ok(Value::Object(_) | Value::Array(_)) => without_codes(inner).into_owned(),
                _ => return false,
            };
            found = *inner != without;
            *inner = without;
        }
        _ => {}
    }
    found
}

fn auth(node: Node) -> Option<Auth> {
    Some(Auth {
        id: node.text("id")?,
        user_id: node.text("userId"),
        user_name: node.name("userName"),
        left_count: node.text("leftCount").map(|_| node.count("leftCount")),
        used_count: node.count("usedCount"),
        code: node.text(CODE).map(Hidden::new),
        complete: node.truth("complete"),
        complete_time: node.time("completeTime"),
        contact: node.name("contact"),
        number: node.name("number"),
        seal_id: node.text("sealId"),
        seal_name: node.name("sealName"),
        owner_name: node.name("ownerName"),
        device_no: node.name("deviceNo"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_codes_leave_the_text() {
        let text = |code: &str| {
            format!(
                r#"{{"code":0,"result":{{"id":"7","sealAuths":[{{"id":1234567890123456789,"vertifyCode":{code},"b":1.50}}]}}}}"#
            )
        };
        assert_eq!(without_codes(&text("\"665544\"")), text("null").replace("1.50", "1.5"));
        assert_eq!(without_codes(&text("665544")), text("null").replace("1.50", "1.5"));
        let without = text("null");
        assert_eq!((without_codes(&without), without_codes("no JSON")), (without.as_str().into(), "no JSON".into()));
    }

    fn read(seal: &str, id: &str, key: &str) -> Result<Detail, ProviderError> {
        let auth = serde_json::json!({ "id": id, "sealName": seal, "userName": seal, "number": seal });
        let result = serde_json::json!({ "id": "7", "sealAuths": [auth], "useImages": [{ "photokey": key }] });
        read_detail(&serde_json::json!({ "code": 0, "result": result }).to_string(), "7")
    }

    #[test]
    fn a_long_name_is_cut_and_kept_whole_in_the_text_while_a_long_id_is_an_error() {
        let long = "章".repeat(1000);
        let detail = read(&long, "1", "2").unwrap();
        let auth = &detail.auths[0];
        for name in [&auth.seal_name, &auth.user_name, &auth.number] {
            assert_eq!(name.as_deref(), Some(&*"章".repeat(200)));
        }
        assert!(detail.raw.expose().contains(&long));
        assert!(matches!(read("公章", &"1".repeat(256), "2"), Err(ProviderError::Garbled(_))));
        assert!(matches!(read("公章", "1", &"2".repeat(256)), Err(ProviderError::Garbled(_))));
        assert!(read("公章", &"1".repeat(255), &"2".repeat(255)).is_ok());
    }
}
