//! What the sources of the pages must not do.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The sources of the pages with their paths.
fn sources() -> Vec<(PathBuf, String)> {
    let (mut dirs, mut found) = (vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("web/src")], Vec::new());
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|ext| ext == "vue" || ext == "ts") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 100, "{}", found.len());
    found
}

/// The tags `<input …>` of a page.
fn inputs(text: &str) -> impl Iterator<Item = &str> {
    text.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap_or_default())
}

#[test]
fn no_page_makes_markup_or_code_of_a_text() {
    let words = ["v-html", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"];
    for (path, text) in sources() {
        let found: Vec<&&str> = words.iter().filter(|word| text.contains(**word)).collect();
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
}

#[test]
fn password_fields_hide_what_is_typed_and_take_pasted_text() {
    let mut fields = 0;
    for (path, text) in sources() {
        let bad = ["@paste", "onpaste", "@copy", "clipboardData"].iter().find(|word| text.contains(**word));
        assert_eq!(bad, None, "{}", path.display());
        for input in inputs(&text).filter(|input| input.contains("-password\"")) {
            fields += 1;
            let hides = input.contains("type=\"password\"") || input.contains("'password'");
            assert!(hides, "{}: {input}", path.display());
        }
    }
    assert!(fields >= 5, "{fields}");
}
