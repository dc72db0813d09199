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

/// A field for the file that is to be stamped. Nothing is applied for without one.
pub(crate) fn with_file(definition: &mut Value) {
    let file = json!({ "key": "file", "label": "用印文件", "type": "files", "required": true });
    definition["fields"].as_array_mut().unwrap().push(file);
    definition["integration"]["fileField"] = "file".into();
}

/// The same, and the application leaves at the submission.
pub(crate) fn applied_at_the_start(definition: &mut Value) {
    with_file(definition);
    definition["integration"]["applyNode"] = "start".into();
}
