//! The body of the response to the vendor. The caller sets the HTTP status: 200 after the callback is stored, else
//! 500 (or 403, 429).

use serde_json::json;

use super::Shape;

/// The vendor's code for an unknown failure. It is the only code that is valid for all of its calls.
const FAILED: u32 = 1_000_000;

/// A body and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackReply {
    pub content_type: &'static str,
    pub body: String,
}

/// Received and stored. A callback that is not understood is accepted, too: otherwise the vendor would send it
/// forever.
#[must_use]
pub fn answer(shape: Shape) -> CallbackReply {
    match shape {
        Shape::P1 | Shape::P2 | Shape::P3 | Shape::W | Shape::Junk => {
            CallbackReply::json(r#"{"code":0,"message":"SUCCESS"}"#.to_owned())
        }
        Shape::N | Shape::F => CallbackReply::text("success".to_owned()),
    }
}

/// Refused. `shape` is `None` if the callback was refused before parsing.
#[must_use]
pub fn refusal(shape: Option<Shape>, message: &str) -> CallbackReply {
    match shape {
        Some(Shape::N | Shape::F) => CallbackReply::text(format!("fail|{message}")),
        _ => CallbackReply::json(json!({ "code": FAILED, "message": message }).to_string()),
    }
}

impl CallbackReply {
    fn json(body: String) -> Self {
        Self { content_type: "application/json", body }
    }

    fn text(body: String) -> Self {
        Self { content_type: "text/plain; charset=utf-8", body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_shapes_and_junk_get_code_0_and_encrypted_ones_the_word_success() {
        for shape in [Shape::P1, Shape::P2, Shape::P3, Shape::W, Shape::Junk] {
            assert_eq!(answer(shape).body, r#"{"code":0,"message":"SUCCESS"}"#);
            assert_eq!(answer(shape).content_type, "application/json");
        }
        assert_eq!([Shape::N, Shape::F].map(|shape| answer(shape).body), ["success", "success"]);
    }

    #[test]
    fn a_refusal_carries_the_vendors_code_and_escapes_its_message() {
        let refused = refusal(Some(Shape::P1), r#"a "b""#);
        assert_eq!(refused.body, r#"{"code":1000000,"message":"a \"b\""}"#);
        assert_eq!(refusal(None, "full").body, r#"{"code":1000000,"message":"full"}"#);
        assert_eq!(refusal(Some(Shape::N), "full").body, "fail|full");
    }
}
