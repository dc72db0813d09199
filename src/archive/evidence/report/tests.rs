//! What the report says, from facts that are made up.

use std::time::Instant;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::archive::evidence::known::Known;

const AT: &str = "2026-11-27T10:00:00+08:00";

fn id(n: usize) -> String {
    format!("0198a9a0-0000-7000-8000-{n:012}")
}

fn hash(n: usize) -> String {
    format!("{n:064x}")
}

/// A photo of the seal use, and its document if it is here.
struct Photo {
    n: usize,
    kind: &'static str,
    confirmation: &'static str,
    source: &'static str,
    stored: bool,
    more: Value,
}

fn photo(n: usize) -> Photo {
    Photo { n, kind: "signatory", confirmation: "confirmed", source: "key", stored: true, more: json!({}) }
}

impl Photo {
    fn row(&self) -> Value {
        json!({ "id": id(self.n), "photokey": format!("20261127-{}", id(self.n)), "kind": self.kind, "grantId": id(900_000),
            "source": self.source, "state": if self.stored { "done" } else { "failed" },
            "blake3": self.stored.then(|| hash(self.n)), "no": self.n, "confirmation": self.confirmation,
            "acceptance": self.more["acceptance"], "suppliedBy": self.more["suppliedBy"], "suppliedAt": self.more["suppliedAt"],
            "listedAt": AT })
    }

    fn document(&self) -> Option<Value> {
        let flag = |name: &str, or: bool| self.more[name].as_bool().unwrap_or(or);
        self.stored.then(|| {
            json!({ "name": format!("{}.jpg", self.n), "bytes": 1000, "mime": "image/jpeg", "width": 1, "height": 1,
                "blake3": hash(self.n), "sha256": hash(self.n), "sm3": hash(self.n), "crc32": 1, "fieldKey": "photos",
                "photo": { "photoId": id(self.n), "kind": self.kind, "seal": "公章", "user": "王五", "no": self.n,
                    "state": self.confirmation, "suppliedBy": self.more["suppliedBy"], "suppliedAt": self.more["suppliedAt"] },
                "takenAt": AT, "vendorAt": null, "receivedAt": AT, "clockDoubt": flag("doubt", false),
                "complete": flag("complete", true), "undecodable": self.more["undecodable"],
                "storeKey": format!("originals/x/{}.jpg", hash(self.n)), "createdAt": AT })
        })
    }
}

/// A flow with these photos of one seal, which was used so often.
fn known(photos: &[Photo], used: usize, more: &Value) -> Known {
    let mut facts = json!({
        "format": 2, "n": 1, "asOf": AT,
        "flow": { "state": "archived", "serialNo": "YK1", "title": "采购合同 13812345678", "starter": "zhang", "form": {}, "createdAt": AT },
        "definition": { "name": "用印", "fields": [], "nodes": [{ "key": "manager", "name": "部门审批", "kind": "approval", "assignees": ["user:li"], "mode": "any" }] },
        "approvals": [{ "node": "manager", "round": 1, "username": "li", "at": AT, "comment": "同意，电话 13812345678" }],
        "sealUses": [{ "id": id(800_000), "businessId": "7", "status": "complete", "endedAt": AT, "superseded": false,
            "grants": [{ "id": id(900_000), "seal": "公章", "deviceNo": "13812345678", "owner": "公司", "user": "王五",
                "contact": "13812345678", "applied": 2, "authorised": 3, "used": used, "left": 0 }],
            "photos": photos.iter().map(Photo::row).collect::<Vec<_>>() }],
        "documents": photos.iter().filter_map(Photo::document).collect::<Vec<_>>(),
        "missingAccepted": null,
        "events": [{ "at": AT, "actor": "zhang", "act": "submitted" }],
        "details": [], "callbacks": [], "names": { "zhang": "张三", "li": "李四", "wang": "王五", "admin": "管理员" },
    });
    for (name, value) in more.as_object().unwrap() {
        facts[name] = value.clone();
    }
    Known::of_facts(facts)
}

fn report(known: &Known, faces: bool, thumbnail: Option<&Bytes>) -> Vec<(String, String)> {
    let count = known.facts.documents.len();
    let paths: Vec<Option<String>> = known
        .facts
        .documents
        .iter()
        .map(|file| (faces || !file.is_private()).then(|| format!("data/图片/公章/{}", file.name)))
        .collect();
    pages(known, &Variant { faces, thumbnails: vec![thumbnail.cloned(); count] }, &paths)
}

#[test]
fn the_open_points_name_everything_that_is_not_as_it_should_be() {
    let photos = [
        photo(1),
        Photo {
            confirmation: "supplied",
            source: "supply",
            more: json!({ "suppliedBy": "wang", "suppliedAt": AT }),
            ..photo(2)
        },
        Photo { confirmation: "unconfirmed", source: "push", ..photo(3) },
        Photo {
            confirmation: "accepted",
            source: "push",
            more: json!({ "acceptance": { "by": "admin", "at": AT, "reason": "已电话 13812345678 核实" } }),
            ..photo(4)
        },
        Photo { more: json!({ "complete": false, "doubt": true }), ..photo(5) },
        Photo { more: json!({ "undecodable": "no picture" }), ..photo(6) },
        Photo { kind: "unknown", ..photo(7) },
        Photo { kind: "face", ..photo(8) },
        // The supplied photo stands for one of these two.
        Photo { stored: false, ..photo(9) },
        Photo { stored: false, ..photo(10) },
    ];
    let accepted = json!({ "missingAccepted": { "by": "admin", "at": AT, "reason": "客户确认", "missing": [] } });
    let known = known(&photos, 9, &accepted);
    let page = &report(&known, false, None)[0].1;
    for line in [
        "申请 2 + 追加 1，设备计 9，收到图片 5，缺 4",
        "不完整：有图片缺失，见第七节",
        "凭 photokey 逐张下载 3 张，人工补充 1 张，回调推送、由管理员接受 1 张；未确认 1 张",
        "6 个文件逐字节保存",
        "另有 2 个文件属于个人信息，未随本包提供",
        "用印 9 次，多于授权",
        "人脸及类型不明的图片 2 张未随本包提供",
        "由 王五 于 ",
        "图片 4：由 管理员 接受，理由：已电话 138****5678 核实",
        "相机时间不可信",
        "图片不完整",
        "无法解码",
        "供应商尚未确认",
        "缺失由 管理员 于 ",
        "理由：客户确认",
        "4 张：1 张供应商已登记，尚未取得；3 张设备计数多于供应商给出的图片",
        "同意，电话 138****5678",
        "采购合同 138****5678",
        // A device number stays, although it looks like a phone number.
        "13812345678",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert_eq!(page.matches("13812345678").count(), 1, "only the device number: {page}");
    let whole = &report(&known, true, None)[0].1;
    assert!(whole.contains("8 个文件逐字节保存"), "{whole}");
    assert!(!whole.contains("未随本包提供"));
    let list = missing_list(&known, 2).unwrap();
    assert!(list.contains("公章（王五） 用印图片 4 张") && list.contains("人脸及类型不明的图片 2 张"), "{list}");
}

#[test]
fn a_flow_without_a_doubt_has_no_open_point() {
    let known = known(&[photo(1), photo(2), photo(3)], 3, &json!({}));
    let page = &report(&known, false, None)[0].1;
    assert!(page.contains("完整：图片齐全") && page.contains("无。 / None."), "{page}");
    assert!(missing_list(&known, 0).is_none());
}

#[test]
fn more_than_500_photos_go_on_in_a_second_page_and_500_are_quick_and_small() {
    let photos: Vec<Photo> = (1..=501).map(photo).collect();
    let known = known(&photos, 501, &json!({}));
    let thumbnail = Bytes::from(vec![7_u8; 10_000]);
    let begun = Instant::now();
    let pages = report(&known, false, Some(&thumbnail));
    let took = begun.elapsed();
    let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["用印报告.html", "用印报告-2.html"]);
    let pictures: Vec<usize> = pages.iter().map(|(_, page)| page.matches("data:image/jpeg;base64,").count()).collect();
    assert_eq!(pictures, [500, 1]);
    assert!(pages[0].1.len() <= 8 << 20, "{} bytes", pages[0].1.len());
    // The specification has this limit.
    assert!(took.as_secs() < 2, "{took:?}");
    let custody = crate::archive::evidence::metadata::files(&known, false, &vec![Some("data/x".to_owned()); 501]);
    assert_eq!(custody.iter().find(|(name, _)| *name == "custody.jsonl").unwrap().1.lines().count(), 501);
}
