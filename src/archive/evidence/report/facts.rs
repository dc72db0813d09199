//! Facts of the report in words.

use super::{super::known::Known, kind_words};
use crate::{
    archive::evidence::metadata::live,
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
            let why = if gap.listed > 0 {
                "供应商已登记，尚未取得"
            } else {
                "设备计数多于供应商给出的图片"
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
            accepted["reason"].as_str().unwrap_or_default()
        ));
    }
    lines
}

/// Returns the first and the last time of a stamping that is known.
pub(super) fn span(known: &Known) -> Option<String> {
    let times = || {
        known.facts.documents.iter().filter(|file| file.photo.is_some()).map(super::super::known::FileFacts::shown_at)
    };
    Some(format!("{} – {}", times().min()?, times().max()?))
}
