//! Each stamping of the report, with its thumbnail.

use super::{
    super::{
        bag::Variant,
        known::{FileFacts, FilePhoto, Known},
    },
    kind_words,
    model::Tile,
};

/// Returns the photos that are in the package, in the order of their running numbers.
pub(super) fn tiles(known: &Known, variant: &Variant, paths: &[Option<String>]) -> Vec<Tile> {
    let documents = known.facts.documents.iter().zip(paths).enumerate();
    let mut tiles: Vec<(i64, Tile)> = documents
        .filter_map(|(index, (file, path))| {
            let (photo, path) = (file.photo.as_ref()?, path.as_ref()?);
            let thumbnail = variant.thumbnails.get(index).cloned().flatten();
            Some((photo.no.unwrap_or(i64::MAX), Tile { thumbnail, ..tile(known, file, photo, path) }))
        })
        .collect();
    tiles.sort_by_key(|(no, _)| *no);
    tiles.into_iter().map(|(_, tile)| tile).collect()
}

fn tile(known: &Known, file: &FileFacts, photo: &FilePhoto, path: &str) -> Tile {
    let no = photo.no.map_or_else(|| "–".to_owned(), |no| no.to_string());
    let mut lines = vec![format!("{no}　{}　{}", photo.seal.as_deref().unwrap_or("未知印章"), kind_words(photo.kind))];
    lines.extend(photo.user.as_ref().map(|user| format!("用印人 {user}")));
    lines.extend(file.taken_at.map(|at| format!("拍摄 {at}")));
    lines.extend(file.vendor_at.map(|at| format!("上传日 {}", at.in_china().strftime("%Y-%m-%d"))));
    lines.push(format!("接收 {}", file.received_at));
    lines.push(path.rsplit('/').next().unwrap_or(path).to_owned());
    Tile {
        thumbnail: None,
        lines,
        doubts: doubts(known, file, photo),
        hash: format!("SHA-256 {}…", &file.sha256[..16.min(file.sha256.len())]),
    }
}

/// Returns what is open about a photo, in words.
pub(super) fn doubts(known: &Known, file: &FileFacts, photo: &FilePhoto) -> Vec<String> {
    let mut doubts = Vec::new();
    if file.clock_doubt {
        doubts.push("相机时间不可信 / clock of the camera in doubt".to_owned());
    }
    if !file.complete {
        doubts.push("图片不完整 / picture is cut".to_owned());
    }
    doubts.extend(file.undecodable.as_ref().map(|why| format!("无法解码 / not decodable: {why}")));
    match photo.state.as_str() {
        "unconfirmed" => {
            doubts.push("供应商尚未确认，不计入数目 / not confirmed by the vendor, not counted".to_owned());
        }
        "accepted" => doubts.push("由管理员接受 / accepted by an administrator".to_owned()),
        _ => {}
    }
    if let Some(by) = &photo.supplied_by {
        let at = photo.supplied_at.map(|at| format!("于 {at} ")).unwrap_or_default();
        doubts.push(format!("由 {} {at}人工补充 / supplied by hand", known.name(by)));
    }
    doubts
}
