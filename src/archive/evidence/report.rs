//! The report of a package: one model, written as HTML. Pure.

mod facts;
mod html;
mod model;
mod photos;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use super::{bag::Variant, known::Known};
use crate::photo::kind::PhotoKind;

/// Photos on one page of the report.
const PHOTOS_A_PAGE: usize = 500;

/// The documents whose thumbnails the report shows, with the name of the page.
pub(super) fn pages(known: &Known, variant: &Variant, paths: &[Option<String>]) -> Vec<(String, String)> {
    let tiles = photos::tiles(known, variant, paths);
    let mut parts = tiles.chunks(PHOTOS_A_PAGE);
    let first = parts.next().unwrap_or_default();
    let count = 1 + parts.len();
    let model = model::model(known, variant, paths, first, count);
    let mut pages = vec![(name(1), html::page(&title(known, 1, count), &model))];
    for (index, part) in parts.enumerate() {
        let number = index + 2;
        let blocks = model::more_photos(part, number, count);
        pages.push((name(number), html::page(&title(known, number, count), &blocks)));
    }
    pages
}

fn name(page: usize) -> String {
    if page == 1 { "用印报告.html".to_owned() } else { format!("用印报告-{page}.html") }
}

fn title(known: &Known, page: usize, count: usize) -> String {
    let of = if count > 1 { format!("（{page}/{count}）") } else { String::new() };
    format!("用印报告 {}{of}", known.facts.flow.serial_no)
}

/// Returns what is missing or left out, why and since when. `None` if the package has everything.
pub(super) fn missing_list(known: &Known, withheld: usize) -> Option<String> {
    let mut text = String::new();
    for line in facts::gaps(known) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    }
    if withheld > 0 {
        let _ = writeln!(
            text,
            "人脸及类型不明的图片 {withheld} 张：属于个人信息，未随本包提供，自 {} 起。\n  {withheld} photos of faces or of an unknown kind: personal data, withheld.",
            known.at
        );
    }
    (!text.is_empty()).then(|| format!("缺失清单 / What is missing\n{}\n\n{text}", known.facts.flow.serial_no))
}

/// The words of a kind of photos.
fn kind_words(kind: PhotoKind) -> &'static str {
    match kind {
        PhotoKind::Signatory => "用印图片",
        PhotoKind::Face => "人脸识别图片",
        PhotoKind::Emergency => "应急用印图片",
        PhotoKind::Unknown => "类型不明的图片",
    }
}
