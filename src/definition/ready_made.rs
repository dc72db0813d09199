//! The definition offered to a new installation: 物理用印申请, approved by the starter's manager, stamped by operators.

use serde_json::Value;

use crate::id::ServiceId;

const TEXT: &str = include_str!("ready_made.json");

/// Returns the body to post, for the seals of `service`. `None`: the user must fill in the service id.
pub fn ready_made(service: Option<&ServiceId>) -> Result<Value, serde_json::Error> {
    let mut body: Value = serde_json::from_str(TEXT)?;
    if let Some(service) = service {
        body["integration"]["serviceId"] = service.as_str().into();
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Body, check};

    #[test]
    fn it_keeps_every_rule() {
        let body: Body = serde_json::from_value(ready_made(Some(&ServiceId::new())).unwrap()).unwrap();
        assert_eq!(check(&body), []);
    }
}
