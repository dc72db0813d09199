//! Facts of the report in words.

use super::{
    super::{
        custody::{BodyCheck, CallbackLine},
        known::Known,
        mask,
    },
    kind_words,
};
use crate::{
    archive::evidence::metadata::live,
    photo::kind::PhotoKind,
    seal_use::{Counts, PhotoCounts},
};

/// The sums of a flow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) applied: i64,
    pub(super) appended: i64,
    pub(super) counts: Counts,
}

pub(super) fn sums(known: &Known) -> Sums {
    let mut sums = Sums::default();
    for grant in live(known).flat_map(|used| &used.grants) {
        sums.applied += grant.applied;
        sums.appended += grant.appended();
    }
    for PhotoCounts { sum, .. } in known.counts() {
        sums.counts.authorised += sum.authorised;
        sums.counts.counted += sum.counted;
        sums.counts.received += sum.received;
        sums.counts.missing += sum.missing;
    }
    sums
}

/// The counts in one line.
pub(super) fn line(sums: &Sums) -> String {
    format!(
        "申请 {} + 追加 {}，设备计 {}，收到图片 {}，缺 {}",
        sums.applied, sums.appended, sums.counts.counted, sums.counts.received, sums.counts.missing
    )
}

/// Returns a line for each gap: what is missing, why, since when.
pub(super) fn gaps(known: &Known) -> Vec<String> {
    let mut lines = Vec::new();
    for (used, counts) in live(known).zip(known.counts()) {
        if counts.sum.missing == 0 {
            continue;
        }
        let since = used.ended_at.map_or_else(|| "用印尚未结束".to_owned(), |at| format!("自 {at} 起"));
        for gap in counts.gaps {
            let grant = used.grants.iter().find(|grant| gap.grant_id.as_ref() == Some(&grant.id));
            let whose =
                grant.map_or_else(|| "未知印章".to_owned(), |grant| format!("{}（{}）", grant.seal, grant.user));
            let why = match (gap.listed, gap.missing - gap.listed) {
                (..=0, _) => "设备计数多于供应商给出的图片".to_owned(),
                (_, ..=0) => "供应商已登记，尚未取得".to_owned(),
                (listed, others) => {
                    format!("{listed} 张供应商已登记，尚未取得；{others} 张设备计数多于供应商给出的图片")
                }
            };
            lines.push(format!(
                "{whose} {} {} 张：{why}（设备计 {}，收到 {}），{since}。\n  {} missing: counted {}, received {}.",
                kind_words(gap.kind),
                gap.missing,
                gap.counted,
                gap.received,
                gap.missing,
                gap.counted,
                gap.received
            ));
        }
    }
    if let Some(accepted) = &known.facts.missing_accepted {
        let by = accepted["by"].as_str().unwrap_or_default();
        lines.push(format!(
            "缺失由 {} 于 {} 接受，理由：{}",
            known.name(by),
            accepted["at"].as_str().unwrap_or_default(),
            mask::phone(accepted["reason"].as_str().unwrap_or_default())
        ));
    }
    lines
}

/// Returns a line for each kept request of a callback that is no longer as it came.
pub(super) fn changed_requests(known: &Known) -> Vec<String> {
    let of = |callback: &CallbackLine| {
        let (zh, en) = match callback.body_checked? {
            BodyCheck::Same => return None,
            BodyCheck::Changed => ("与收到时的 SHA-256 不符", "differs from the SHA-256 that was taken when it came"),
            BodyCheck::Lost => ("已丢失", "is lost"),
        };
        Some(format!("{} 收到的回调 {} 的原始请求{zh}。 / The kept request {en}.", callback.received_at, callback.id))
    };
    known.facts.callbacks.iter().filter_map(of).collect()
}

/// Returns the first and the last time of a stamping that the package shows.
pub(super) fn span(known: &Known, paths: &[Option<String>]) -> Option<String> {
    let shown =
        || known.facts.documents.iter().zip(paths).filter(|(file, path)| file.photo.is_some() && path.is_some());
    let times = || shown().map(|(file, _)| file.shown_at());
    Some(format!("{} – {}", times().min()?, times().max()?))
}

/// Says how many of the applications at the vendor were superseded by later ones. Empty if none was.
pub(super) fn superseded_note(known: &Known) -> String {
    match live(known).filter(|used| used.superseded).count() {
        0 => String::new(),
        count => format!("（含已被取代的用印申请 {count} 份 / {count} superseded）"),
    }
}

/// Says from where the counted photos came, and how many are not confirmed.
pub(super) fn sources(known: &Known, sums: &Sums, paths: &[Option<String>]) -> String {
    let mut counts = [
        ("凭 photokey 逐张下载", 0),
        ("取自契约锁的压缩包", 0),
        ("回调推送并经契约锁确认", 0),
        ("人工补充", 0),
        ("回调推送、由管理员接受", 0),
    ];
    let photos = live(known).flat_map(|used| &used.photos);
    for photo in photos.filter(|photo| photo.kind == PhotoKind::Signatory && photo.blake3.is_some()) {
        let source = match (photo.confirmation.as_str(), photo.source.as_str()) {
            ("unconfirmed", _) => continue,
            ("accepted", _) => 4,
            ("supplied", _) | (_, "supply") => 3,
            (_, "push") => 2,
            (_, "zip") => 1,
            _ => 0,
        };
        counts[source].1 += 1;
    }
    let parts: Vec<String> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(how, count)| format!("{how} {count} 张")).collect();
    let how = if parts.is_empty() { String::new() } else { format!("：{}", parts.join("，")) };
    let shown = known.facts.documents.iter().zip(paths).filter(|(_, path)| path.is_some());
    let unconfirmed =
        shown.filter(|(file, _)| file.photo.as_ref().is_some_and(|photo| photo.state == "unconfirmed")).count();
    format!("收到 {} 张{how}；未确认 {unconfirmed} 张，单独列出、不计数", sums.counts.received)
}
