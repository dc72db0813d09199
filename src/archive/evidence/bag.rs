//! The files of a package in the layout of BagIt (RFC 8493). Pure.

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::Value;
use sm3::{Digest, Sm3};

use super::{
    known::{FileFacts, Known},
    mask, metadata, report,
};
use crate::{
    bundle::{Entry, EntryContent, names::Names},
    clock::Timestamp,
    definition::Body,
    hash::{Blake3, Hashes},
};

/// A file of a package: a stored original, or bytes that are made for it.
#[derive(Clone, Debug)]
pub(super) struct BagFile {
    /// Below the folder of the package.
    pub(super) path: String,
    pub(super) at: Timestamp,
    pub(super) bytes: u64,
    pub(super) crc32: u32,
    pub(super) sha256: String,
    pub(super) sm3: String,
    pub(super) blake3: Blake3,
    pub(super) source: Source,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    /// The key of an original.
    Original(String),
    Made(Bytes),
}

impl BagFile {
    fn made(path: impl Into<String>, at: Timestamp, bytes: impl Into<Bytes>) -> Self {
        let bytes: Bytes = bytes.into();
        let Hashes { blake3, sha256, crc32 } = Hashes::of(&bytes);
        let sm3 = hex::encode(Sm3::digest(&bytes));
        let length = bytes.len() as u64;
        Self { path: path.into(), at, bytes: length, crc32, sha256, sm3, blake3, source: Source::Made(bytes) }
    }

    fn original(path: String, file: &FileFacts) -> Self {
        Self {
            path,
            at: file.received_at,
            bytes: file.bytes,
            crc32: file.crc32,
            sha256: file.sha256.clone(),
            sm3: file.sm3.clone().unwrap_or_default(),
            blake3: file.blake3.clone(),
            source: Source::Original(file.store_key.clone()),
        }
    }
}

/// One variant of a package.
#[derive(Debug)]
pub(super) struct Bag {
    /// The folder of the package: the serial number.
    pub(super) folder: String,
    pub(super) files: Vec<BagFile>,
    /// SHA-256 of the tag manifest.
    pub(super) s: String,
    pub(super) missing: i64,
    pub(super) withheld: usize,
}

/// What makes a variant, beside the facts.
#[derive(Debug)]
pub(super) struct Variant {
    /// With photos of faces, or of an unknown kind.
    pub(super) faces: bool,
    /// Thumbnails in the order of the documents. `None`: the document has no thumbnail.
    pub(super) thumbnails: Vec<Option<Bytes>>,
}

/// The static files, as they are in the repository.
const HOW_TO_CHECK: &str = include_str!("tools/checking.md");
const VERIFY_PAGE: &str = include_str!("tools/verify.html");
const VERIFY_SCRIPT: &str = include_str!("tools/verify.py");

/// The page that checks a package, as a file to save.
pub const VERIFY_HTML: &str = VERIFY_PAGE;

impl Bag {
    pub(super) fn of(known: &Known, variant: &Variant) -> Self {
        let paths = paths(known, variant.faces);
        let counts = known.counts();
        let missing = counts.iter().map(|counts| counts.sum.missing).sum();
        let withheld = if variant.faces { 0 } else { known.private_files() };
        let mut payload = Vec::new();
        for (name, page) in report::pages(known, variant, &paths) {
            payload.push(BagFile::made(format!("data/{name}"), known.at, page));
        }
        let placed = known.facts.documents.iter().zip(&paths);
        let mut originals: Vec<BagFile> =
            placed.filter_map(|(file, path)| Some(BagFile::original(path.clone()?, file))).collect();
        // The sort is stable: inside a folder the order of the documents stays.
        originals.sort_by_key(|file| FOLDERS.iter().position(|folder| file.path.starts_with(folder)));
        payload.extend(originals);
        for (name, text) in metadata::files(known, variant.faces, &paths) {
            payload.push(BagFile::made(format!("data/metadata/{name}"), known.at, text));
        }
        if let Some(list) = report::missing_list(known, withheld) {
            payload.push(BagFile::made("data/缺失清单.txt", known.at, list));
        }
        let mut tags = vec![BagFile::made("bagit.txt", known.at, BAGIT)];
        tags.push(BagFile::made("bag-info.txt", known.at, bag_info(known, &payload, withheld, variant.faces)));
        for (name, hash) in HASHES {
            tags.push(BagFile::made(name, known.at, manifest(&payload, hash)));
        }
        for (name, text) in [("校验说明.md", HOW_TO_CHECK), ("verify.html", VERIFY_PAGE), ("verify.py", VERIFY_SCRIPT)]
        {
            tags.push(BagFile::made(name, known.at, text));
        }
        let list = BagFile::made("tagmanifest-sha256.txt", known.at, manifest(&tags, |file| &file.sha256));
        let s = list.sha256.clone();
        let files = payload.into_iter().chain(tags).chain([list]).collect();
        Self { folder: safe(&known.facts.flow.serial_no), files, s, missing, withheld }
    }

    /// Returns the entries of the zip. `key` gives the place of made bytes in the store.
    pub(super) fn entries(&self, key: impl Fn(&BagFile) -> String) -> Vec<Entry> {
        let entry = |file: &BagFile| Entry {
            name: format!("{}/{}", self.folder, file.path),
            bytes: file.bytes,
            crc32: file.crc32,
            blake3: file.blake3.clone(),
            at: file.at,
            content: EntryContent::Stored(match &file.source {
                Source::Original(key) => key.clone(),
                Source::Made(_) => key(file),
            }),
        };
        self.files.iter().map(entry).collect()
    }
}

const BAGIT: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

type HashOf = fn(&BagFile) -> &str;

/// The payload manifests. The first one is read by every tool.
const HASHES: [(&str, HashOf); 3] = [
    ("manifest-sha256.txt", |file| &file.sha256),
    ("manifest-sm3.txt", |file| &file.sm3),
    ("manifest-blake3.txt", |file| file.blake3.as_str()),
];

/// Returns one line for each file, in the order of the bytes of their paths.
fn manifest(files: &[BagFile], hash: HashOf) -> String {
    let mut lines: Vec<(&str, &str)> = files.iter().map(|file| (file.path.as_str(), hash(file))).collect();
    lines.sort_unstable();
    lines.iter().fold(String::new(), |mut text, (path, hash)| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{hash}  {path}");
        text
    })
}

fn bag_info(known: &Known, payload: &[BagFile], withheld: usize, faces: bool) -> String {
    let bytes: u64 = payload.iter().map(|file| file.bytes).sum();
    let shown = if faces || withheld == 0 { "included".to_owned() } else { format!("withheld ({withheld})") };
    let organisation = organisation(known).unwrap_or_else(|| "-".to_owned());
    let mut text = String::new();
    for (label, value) in [
        ("Source-Organization", organisation),
        ("External-Identifier", known.facts.flow.serial_no.clone()),
        ("Bagging-Date", known.at.in_china().strftime("%Y-%m-%d").to_string()),
        ("Payload-Oxum", format!("{bytes}.{}", payload.len())),
        ("Bag-Size", size(bytes)),
        ("Internal-Sender-Description", mask::phone(&known.facts.flow.title)),
        ("Yinku-State", known.n.to_string()),
        ("Yinku-Archived", known.archived()),
        ("Yinku-Faces", shown),
    ] {
        // A line of its own would be another label.
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(text, "{label}: {}", value.trim());
    }
    text
}

/// Returns the organisation of the flow, as its form names it.
pub(super) fn organisation(known: &Known) -> Option<String> {
    let field = &known.facts.definition.integration.as_ref()?.organisation_field;
    known.facts.flow.form.get(field).and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

pub(super) fn size(bytes: u64) -> String {
    let units = ["B", "KB", "MB", "GB", "TB"];
    let step = (0..units.len() - 1).find(|step| bytes < 1000_u64.pow(u32::try_from(*step).unwrap_or(0) + 1));
    let step = step.unwrap_or(units.len() - 1);
    let tenths = bytes.saturating_mul(10) / 1000_u64.pow(u32::try_from(step).unwrap_or(0));
    if step == 0 { format!("{bytes} B") } else { format!("{}.{} {}", tenths / 10, tenths % 10, units[step]) }
}

/// The folders of originals in the order of the zip.
const FOLDERS: [&str; 3] = ["data/图片/", "data/用印文件/", "data/用印后文件/"];

/// Returns the place of each document in the package. `None`: it is left out.
fn paths(known: &Known, faces: bool) -> Vec<Option<String>> {
    let (mut names, all) = (Names::default(), &known.facts);
    let folder = safe(&all.flow.serial_no);
    // The names of the package's own files are names.
    for own in ["用印报告.html", "metadata/flow.json", "缺失清单.txt"] {
        names.place(&format!("{folder}/data/{own}"));
    }
    let mut place = |file: &FileFacts| {
        let path = names.place(&safe(&format!("{folder}/data/{}", wanted(&all.definition, file))));
        path.split_once('/').map_or(path.clone(), |(_, below)| below.to_owned())
    };
    all.documents.iter().map(|file| (faces || !file.is_private()).then(|| place(file))).collect()
}

fn wanted(definition: &Body, file: &FileFacts) -> String {
    let Some(photo) = &file.photo else {
        let integration = definition.integration.as_ref();
        let stamped = integration.and_then(|integration| integration.stamped_file_field.as_ref());
        let folder =
            if stamped.is_some() && stamped == file.field_key.as_ref() { "用印后文件" } else { "用印文件" };
        return format!("{folder}/{}", part(&file.name));
    };
    let ext = file.store_key.rsplit_once('.').map_or("bin", |(_, ext)| ext);
    let time = file.shown_at().in_china().strftime("%Y%m%d-%H%M%S");
    let no = photo.no.map_or_else(|| "000".to_owned(), |no| format!("{no:03}"));
    let folder = match photo.state.as_str() {
        "unconfirmed" => "未确认".to_owned(),
        _ => part(photo.seal.as_deref().unwrap_or("未知印章")),
    };
    format!("图片/{folder}/{no}_{time}_{}.{ext}", photo.kind.as_str())
}

/// A slash in a name makes no folder.
fn part(name: &str) -> String {
    name.replace('/', "-")
}

/// RFC 8493 escapes `%`, but `sha256sum` and bagit-python do not undo it. So no name has it.
fn safe(path: &str) -> String {
    path.replace('%', "％").replace(['\r', '\n'], "_")
}
