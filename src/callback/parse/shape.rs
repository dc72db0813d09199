//! Decides the shape of a callback by its parameter names.

use super::{Shape, body::Format, fields::Fields};

/// `known`: a business id or our own seal use id is present.
pub(super) fn of(fields: &Fields, format: Format, known: bool, has_images: bool) -> Shape {
    let has = |name| fields.has(name);
    if format == Format::Json && has("encrypted") && !fields.has("businessId") {
        Shape::N
    } else if has("signature") && has("timestamp") && has("content") && !fields.has("businessId") {
        Shape::F
    } else if has("ecologyOperate") || has("callbackEventType") || !known && is_of_others(fields) {
        Shape::W
    } else if has_images || fields.images_named || has("imageType") {
        Shape::P2
    } else if has("leftCount") {
        Shape::P3
    } else if known || has("status") || has("businessId") {
        Shape::P1
    } else {
        Shape::Junk
    }
}

/// Returns why the callback cannot be processed. `None` if it can.
pub(super) fn problem(shape: Shape, fields: &Fields, known: bool) -> Option<String> {
    match shape {
        Shape::Junk => Some("not about a seal use".to_owned()),
        Shape::N | Shape::F => None,
        _ if known => None,
        _ if is_of_others(fields) => Some("about an electronic contract or a company, not a seal use".to_owned()),
        _ => Some("no businessId".to_owned()),
    }
}

/// Electronic contracts and company authorisations call the same address.
fn is_of_others(fields: &Fields) -> bool {
    fields.has("contractId") || fields.has("companyId")
}
