//! The blocks of the report.

use bytes::Bytes;

use super::{
    super::{
        bag::{self, Variant},
        known::Known,
        mask,
        metadata::live,
    },
    facts::{self, Sums},
    photos,
};
use crate::flow::FlowState;

#[derive(Clone, Debug)]
pub(super) enum Block {
    Title {
        zh: String,
        en: String,
    },
    Heading {
        zh: &'static str,
        en: &'static str,
    },
    Counts {
        text: String,
        good: bool,
    },
    /// Label, its English, value.
    Facts(Vec<(&'static str, &'static str, String)>),
    Table {
        head: Vec<(&'static str, &'static str)>,
        rows: Vec<Vec<Cell>>,
    },
    Photos(Vec<Tile>),
    Note(String),
}

#[derive(Clone, Debug)]
pub(super) enum Cell {
    Text(String),
    Code(String),
}

/// A photo with its thumbnail.
#[derive(Clone, Debug)]
pub(super) struct Tile {
    pub(super) thumbnail: Option<Bytes>,
    pub(super) lines: Vec<String>,
    pub(super) doubts: Vec<String>,
    pub(super) hash: String,
}

impl Block {
    pub(super) fn image_bytes(&self) -> usize {
        match self {
            Self::Photos(tiles) => tiles.iter().filter_map(|tile| tile.thumbnail.as_ref()).map(Bytes::len).sum(),
            _ => 0,
        }
    }
}

fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

/// Returns the blocks of the first page of a report.
pub(super) fn model(
    known: &Known,
    variant: &Variant,
    paths: &[Option<String>],
    tiles: &[Tile],
    pages: usize,
) -> Vec<Block> {
    let sums = facts::sums(known);
    let mut blocks = first_page(known, &sums, paths);
    blocks.extend(statements(known, &sums, paths));
    blocks.extend(people(known));
    blocks.extend(seals(known));
    blocks.push(Block::Heading { zh: "五、每次用印", en: "5. Each stamping" });
    if tiles.is_empty() {
        blocks.push(Block::Note("没有图片。 / No photos.".to_owned()));
    }
    blocks.push(Block::Photos(tiles.to_vec()));
    if pages > 1 {
        blocks.push(Block::Note(format!(
            "其余图片见 用印报告-2.html 至 用印报告-{pages}.html。 / More photos in the other pages."
        )));
    }
    blocks.extend(custody(known));
    blocks.extend(open_points(known, variant));
    blocks.extend(files(known, paths));
    blocks.extend(words());
    blocks
}

/// Returns the blocks of a later page.
pub(super) fn more_photos(tiles: &[Tile], page: usize, pages: usize) -> Vec<Block> {
    vec![
        Block::Title {
            zh: format!("每次用印（第 {page} 页，共 {pages} 页）"),
            en: format!("Each stamping, page {page} of {pages}"),
        },
        Block::Photos(tiles.to_vec()),
    ]
}

fn first_page(known: &Known, sums: &Sums, paths: &[Option<String>]) -> Vec<Block> {
    let flow = &known.facts.flow;
    let mut seals: Vec<&str> = live(known).flat_map(|used| &used.grants).map(|grant| grant.seal.as_str()).collect();
    seals.sort_unstable();
    seals.dedup();
    let state = match known.flow_state {
        FlowState::Withdrawn => known.archived(),
        _ if known.n == 0 => "未归档：流程仍在进行，本包只说明截至目前的事实".to_owned(),
        _ => format!("已归档 {}（第 {} 版）", known.archived(), known.n),
    };
    let complete =
        if sums.counts.missing == 0 { "完整：图片齐全" } else { "不完整：有图片缺失，见第七节" };
    vec![
        Block::Title { zh: "物理用印证据报告".to_owned(), en: "Evidence of a physical seal use".to_owned() },
        Block::Facts(vec![
            ("用印主题", "Subject", mask::phone(&flow.title)),
            ("流水号", "Serial number", flow.serial_no.clone()),
            ("发起组织", "Organisation", bag::organisation(known).unwrap_or_else(|| "–".to_owned())),
            ("发起人", "Started by", known.name(&flow.starter).to_owned()),
            ("印章", "Seals", if seals.is_empty() { "–".to_owned() } else { seals.join("、") }),
            ("用印时间", "From – to", facts::span(known, paths).unwrap_or_else(|| "–".to_owned())),
            ("状态", "State", state),
            ("本报告日期", "Date of this state", known.at.to_string()),
        ]),
        Block::Counts { text: facts::line(sums), good: sums.counts.missing == 0 },
        Block::Note(format!("{complete}{}\napplied {} + appended {}, counted by the device {}, photos received {}, missing {}",
            facts::superseded_note(known), sums.applied, sums.appended, sums.counts.counted, sums.counts.received, sums.counts.missing)),
        Block::Heading { zh: "如何核验", en: "How to check" },
        Block::Note("1. 用浏览器打开包内 verify.html，把整个 zip 拖进去：全部变绿即未被改动。\n2. 把页面显示的 S 与印库中本流程的 S 对照。\n3. 命令行核验见 校验说明.md。\n(Open verify.html in a browser, drop the zip, compare S.)".to_owned()),
    ]
}

fn statements(known: &Known, sums: &Sums, paths: &[Option<String>]) -> Vec<Block> {
    let files = paths.iter().flatten().count();
    let withheld = match paths.len() - files {
        0 => String::new(),
        count => format!("；另有 {count} 个文件属于个人信息，未随本包提供"),
    };
    let row = |law: &str, says: &str, fact: String| vec![text(law), text(says), text(fact)];
    vec![
        Block::Heading { zh: "二、与电子签名法的对应", en: "2. The Electronic Signature Law" },
        Block::Table {
            head: vec![("条款", "Article"), ("要求", "Requires"), ("本包的事实", "Fact behind it")],
            rows: vec![
                row(
                    "第五条",
                    "原件形式：能够有效表现所载内容并可供随时调取查用，内容保持完整、未被更改",
                    format!("{files} 个文件逐字节保存，附 SHA-256、SM3、BLAKE3 三种散列，见第八节{withheld}"),
                ),
                row(
                    "第六条",
                    "文件保存：格式与生成、发送或接收时的格式相同，能识别发件人、收件人及发送、接收的时间",
                    "图片为收到的原始字节，未转码；接收时间与来源见 metadata/custody.jsonl".to_owned(),
                ),
                row(
                    "第八条",
                    "真实性：生成、储存、传递方法与保持内容完整性方法的可靠性，鉴别发件人方法的可靠性",
                    facts::sources(known, sums, paths),
                ),
                row(
                    "来源可靠",
                    "Reliable source",
                    format!(
                        "{} 份用印申请，业务编号：{}{}",
                        live(known).count(),
                        businesses(known),
                        facts::superseded_note(known)
                    ),
                ),
                row(
                    "程序规范",
                    "Proper procedure",
                    format!(
                        "{} 次审批，{} 条流程事件，均带时间",
                        known.facts.approvals.len(),
                        known.facts.events.len()
                    ),
                ),
                row("要素合规", "Complete elements", facts::line(sums)),
            ],
        },
    ]
}

fn businesses(known: &Known) -> String {
    let all: Vec<&str> = live(known).filter_map(|used| used.business_id.as_deref()).collect();
    if all.is_empty() { "–".to_owned() } else { all.join("、") }
}

fn people(known: &Known) -> Vec<Block> {
    let node = |key: &str| known.facts.definition.node(key).map_or_else(|| key.to_owned(), |node| node.name.clone());
    let flow = &known.facts.flow;
    let mut rows =
        vec![vec![text(known.name(&flow.starter)), text("发起 / start"), text(flow.created_at.to_string()), text("")]];
    rows.extend(known.facts.approvals.iter().map(|approval| {
        let round = if approval.round > 1 { format!("（第 {} 轮）", approval.round) } else { String::new() };
        vec![
            text(known.name(&approval.username)),
            text(format!("{}{round}", node(&approval.node))),
            text(approval.at.to_string()),
            text(approval.comment.as_deref().map(mask::phone).unwrap_or_default()),
        ]
    }));
    vec![
        Block::Heading { zh: "三、人员与审批", en: "3. People and approvals" },
        Block::Table {
            head: vec![("人员", "Who"), ("节点", "Node"), ("时间", "Time"), ("意见", "Opinion")], rows
        },
    ]
}

fn seals(known: &Known) -> Vec<Block> {
    let rows = live(known).flat_map(|used| used.grants.iter().map(move |grant| (used, grant))).map(|(used, grant)| {
        vec![
            text(&grant.seal),
            text(grant.owner.clone().unwrap_or_default()),
            text(grant.device_no.clone().unwrap_or_default()),
            text(format!("{} {}", grant.user, grant.contact.as_deref().map(mask::phone).unwrap_or_default())),
            text(format!("{} + {}", grant.applied, grant.appended())),
            text(grant.used.to_string()),
            text(format!(
                "{} {}{}",
                used.business_id.as_deref().unwrap_or("–"),
                used.status,
                if used.superseded { "（已被取代 / superseded）" } else { "" }
            )),
        ]
    });
    vec![
        Block::Heading { zh: "四、印章与设备", en: "4. Seals and devices" },
        Block::Table {
            head: vec![
                ("印章", "Seal"),
                ("所属公司", "Company"),
                ("设备号", "Device"),
                ("用印人", "User"),
                ("申请 + 追加", "Applied + appended"),
                ("设备计", "Counted"),
                ("业务编号", "Business id"),
            ],
            rows: rows.collect(),
        },
        Block::Note(
            "用印码不在本包中；手机号已遮盖。 / Seal codes are not in this package; phone numbers are masked."
                .to_owned(),
        ),
    ]
}

fn custody(known: &Known) -> Vec<Block> {
    let archived = if known.n > 0 {
        format!("归档时逐个读回并核对 BLAKE3，补算 SM3（{}）。", known.at)
    } else {
        "尚未归档；制作本包时，尚无 SM3 的原件已读回、核对 BLAKE3 并补算 SM3。".to_owned()
    };
    let callbacks = &known.facts.callbacks;
    let (all, kept) = (callbacks.len(), callbacks.iter().filter(|line| line.is_body_kept()).count());
    let compared = callbacks.iter().filter(|line| line.body_checked.is_some()).count();
    vec![
        Block::Heading { zh: "六、保管链", en: "6. Chain of custody" },
        Block::Note(format!(
            "共收到回调 {all} 次，每次在收到时即算原始请求的 SHA-256，其中 {kept} 次的原始请求完整保存，归档时读回 {compared} 次并与该值比对。\
            每张图片在到达时即算 BLAKE3、SHA-256、CRC-32，写入存储并落盘后才登记；其来源（凭 photokey 下载、压缩包、回调推送、人工补充）逐张记录。{archived}\
            逐张记录见 metadata/custody.jsonl。\n\
            {all} callbacks were received. The SHA-256 of each request was taken when it came; {kept} requests are kept whole, \
            {compared} were read again at archiving and compared with it. \
            Each photo was hashed while it arrived, and stored before it was recorded."
        )),
    ]
}

fn open_points(known: &Known, variant: &Variant) -> Vec<Block> {
    let mut points = facts::gaps(known);
    points.extend(facts::changed_requests(known));
    for file in &known.facts.documents {
        let Some(photo) = &file.photo else { continue };
        if !variant.faces && file.is_private() {
            continue;
        }
        let no = photo.no.map_or_else(|| "–".to_owned(), |no| no.to_string());
        points.extend(photos::doubts(known, file, photo).into_iter().map(|doubt| format!("图片 {no}：{doubt}")));
    }
    for used in live(known) {
        for grant in used.grants.iter().filter(|grant| grant.used > grant.applied + grant.appended()) {
            points.push(format!("{}：用印 {} 次，多于授权 / more than authorised", grant.seal, grant.used));
        }
        for photo in used.photos.iter().filter_map(|photo| Some((photo, photo.acceptance.as_ref()?))) {
            let (photo, acceptance) = photo;
            points.push(format!(
                "图片 {}：由 {} 接受，理由：{}",
                photo.no.map_or_else(|| "–".to_owned(), |no| no.to_string()),
                known.name(acceptance["by"].as_str().unwrap_or_default()),
                mask::phone(acceptance["reason"].as_str().unwrap_or_default())
            ));
        }
    }
    let withheld = known.private_files();
    if withheld > 0 && !variant.faces {
        points.push(format!(
            "人脸及类型不明的图片 {withheld} 张未随本包提供（个人信息）。 / {withheld} photos of faces are withheld."
        ));
    }
    if points.is_empty() {
        points.push("无。 / None.".to_owned());
    }
    vec![Block::Heading { zh: "七、未决事项", en: "7. Open points" }, Block::Note(points.join("\n"))]
}

fn files(known: &Known, paths: &[Option<String>]) -> Vec<Block> {
    let rows = known.facts.documents.iter().zip(paths).filter_map(|(file, path)| {
        let path = path.as_ref()?;
        Some(vec![
            text(path.trim_start_matches("data/")),
            text(file.bytes.to_string()),
            Cell::Code(file.sha256.clone()),
        ])
    });
    vec![
        Block::Heading { zh: "八、全部文件", en: "8. All files" },
        Block::Table {
            head: vec![("文件", "File"), ("字节", "Bytes"), ("SHA-256", "SHA-256")], rows: rows.collect()
        },
    ]
}

fn words() -> Vec<Block> {
    vec![
        Block::Heading { zh: "九、用语", en: "9. Words" },
        Block::Facts(vec![
            ("申请 + 追加", "Applied + appended", "审批同意的用印次数，与之后追加的次数".to_owned()),
            ("设备计", "Counted", "印章盒记录的实际盖章次数".to_owned()),
            ("缺", "Missing", "设备计了而没有图片，或供应商登记了而未取得".to_owned()),
            ("未确认", "Unconfirmed", "只由回调推送、供应商的明细中尚无的图片；不计数".to_owned()),
            ("S", "S", "tagmanifest-sha256.txt 的 SHA-256，本包的身份；印库中可查".to_owned()),
        ]),
        Block::Note("时间戳与日志证明见 timestamps/、proof/；若无，则封装时尚未取得。\nTime stamps and proofs are in timestamps/ and proof/; if these are absent, they were not obtained before sealing.".to_owned()),
    ]
}
