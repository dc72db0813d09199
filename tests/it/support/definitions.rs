//! Changes to the usual definition, for `Plan::definition`.

use serde_json::{Value, json};

/// A field for stamped files.
pub(crate) fn with_stamped(definition: &mut Value) {
    let stamped = json!({ "key": "stamped", "label": "用印后文件", "type": "files" });
    definition["fields"].as_array_mut().unwrap().push(stamped);
    definition["integration"]["stampedFileField"] = "stamped".into();
}

/// The same, and nothing is archived without one.
pub(crate) fn with_required_stamped(definition: &mut Value) {
    with_stamped(definition);
    definition["fields"].as_array_mut().unwrap().last_mut().unwrap()["required"] = true.into();
}

/// Photos are not attached to the form.
pub(crate) fn without_field(definition: &mut Value) {
    definition["integration"].as_object_mut().unwrap().remove("downloadField");
}

/// A person archives, not the service by itself.
pub(crate) fn archived_by_hand(definition: &mut Value) {
    definition["integration"]["archive"] = "manual".into();
}

/// One approval more, as the node number `at`.
pub(crate) fn extra_node(definition: &mut Value, at: usize, key: &str, name: &str, assignee: &str) {
    let node = json!({ "key": key, "name": name, "kind": "approval", "assignees": [assignee] });
    definition["nodes"].as_array_mut().unwrap().insert(at, node);
}
