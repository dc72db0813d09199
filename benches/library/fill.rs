//! Rows of a knowledge base as it is after years: nine of ten documents are photos and files of flows, 45 of a flow; the
//! others are loose. There is a folder for each hundred documents, and one folder has a tenth of all.
//!
//! Each row follows from its number, so each run has the same rows.

use serde_json::{Value, json};
use yinku::{
    clock::Timestamp,
    curate::reindex,
    db::{Arg, Db, DbError, Pools, Tx, pieces, rows, sql},
    library::document::sort_key,
};

/// The folder with a tenth of all documents.
pub(super) const LARGE: &str = "01000001-0000-7000-8004-000000000000";
/// The system folder.
pub(super) const SYSTEM: &str = "01000000-0000-7000-8004-000000000000";
const DEFINITION: &str = "01930000-0000-7000-8003-000000000001";
const SERVICE: &str = "01930000-0000-7000-8009-000000000001";
const BODY: &str = r#"{"name":"物理用印申请","fields":[{"key":"subject","label":"用印主题","type":"text"},{"key":"company","label":"发起组织","type":"text"},{"key":"seals","label":"用印明细","type":"table","columns":[{"key":"seal","label":"印章","type":"seal"},{"key":"users","label":"用印人","type":"users"}]},{"key":"photos","label":"用印图片","type":"files"}],"nodes":[{"key":"seal","name":"用印","kind":"seal","assignees":["role:operator"]}],"integration":{"enabled":true,"serviceId":"01930000-0000-7000-8009-000000000001","subjectField":"subject","organisationField":"company","sealField":"seals.seal","countField":"seals.count","applyNode":"seal"}}"#;

/// What companies stamp.
const KINDS: [&str; 24] = [
    "采购合同",
    "销售合同",
    "租赁协议",
    "保密协议",
    "劳动合同",
    "授权委托书",
    "投标文件",
    "技术服务合同",
    "框架协议",
    "补充协议",
    "竣工验收单",
    "对账函",
    "询证函",
    "承诺函",
    "介绍信",
    "任命书",
    "会议纪要",
    "请示报告",
    "付款申请",
    "质量保证书",
    "营业执照复印件",
    "股东会决议",
    "审计报告",
    "知识产权转让协议",
];
const PLACES: [&str; 20] = [
    "上海", "北京", "深圳", "广州", "杭州", "南京", "苏州", "成都", "重庆", "武汉", "西安", "天津", "青岛", "长沙",
    "郑州", "合肥", "宁波", "厦门", "济南", "沈阳",
];
const NAMES: [&str; 20] = [
    "华信", "中恒", "瑞达", "金诚", "东方", "远景", "天成", "博雅", "鼎盛", "同创", "长城", "新元", "宏图", "海川",
    "德润", "安泰", "启明", "百川", "众合", "恒丰",
];
const TRADES: [&str; 16] = [
    "科技", "建设", "贸易", "物流", "医药", "能源", "电子", "机械", "食品", "传媒", "咨询", "置业", "化工", "环保",
    "软件", "材料",
];
const GOODS: [&str; 16] = [
    "服务器",
    "办公家具",
    "钢材",
    "电缆",
    "软件许可",
    "检测设备",
    "原材料",
    "包装箱",
    "空调机组",
    "监控系统",
    "试剂",
    "叉车",
    "轴承",
    "光伏组件",
    "保洁服务",
    "培训课程",
];
const SEALS: [&str; 6] = ["公章", "合同专用章", "财务专用章", "法定代表人章", "人事专用章", "投标专用章"];
const SURNAMES: [&str; 20] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马",
    "罗",
];
const GIVEN: [&str; 20] = [
    "伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "兰",
    "霞",
];

/// How many rows of each noun there are for so many documents.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) documents: i64,
}

pub(super) const OF_A_FLOW: i64 = 45;
const PEOPLE: i64 = 400;

impl Size {
    pub(super) const fn flows(self) -> i64 {
        self.documents / 50
    }

    pub(super) fn folders(self) -> i64 {
        (self.documents / 100).max(4)
    }

    const fn of_flows(self) -> i64 {
        self.flows() * OF_A_FLOW
    }
}

/// A number that looks like chance.
fn mixed(number: i64, salt: i64) -> i64 {
    let mut x = (number.wrapping_mul(0x9E37_79B9) ^ salt.wrapping_mul(0x85EB_CA6B)).unsigned_abs();
    x ^= x >> 15;
    x = x.wrapping_mul(0x2C1B_3C6D);
    x ^= x >> 12;
    i64::try_from(x & 0x7fff_ffff).unwrap_or(0)
}

fn at_place<'a>(list: &[&'a str], number: i64) -> &'a str {
    usize::try_from(number).ok().and_then(|at| list.get(at % list.len())).copied().unwrap_or_default()
}

fn one_of<'a>(list: &[&'a str], number: i64, salt: i64) -> &'a str {
    at_place(list, mixed(number, salt))
}

pub(super) fn id(kind: u8, number: i64) -> String {
    format!("{:08x}-{:04x}-7000-800{kind}-000000000000", 0x0100_0000 + (number >> 16), number & 0xffff)
}

/// Some minutes after the flow before it.
fn at(flow: i64, size: Size) -> i64 {
    let year: i64 = 365 * 24 * 3600 * 1_000_000;
    1_735_660_800_000_000 + flow * (year / size.flows())
}

fn company(number: i64) -> String {
    format!("{}{}{}有限公司", one_of(&PLACES, number, 1), one_of(&NAMES, number, 2), one_of(&TRADES, number, 3))
}

fn subject(number: i64) -> String {
    // One subject in ten thousand has words that no other has.
    if number % 10_000 == 777 {
        return format!("尽职调查报告（{}）", company(number));
    }
    let kind = one_of(&KINDS, number, 4);
    match mixed(number, 5) % 3 {
        0 => format!("{}{kind}（{}）", one_of(&GOODS, number, 6), company(number)),
        1 => format!("关于与{}签订{kind}的请示", company(number)),
        _ => {
            format!("{}年度{}{kind} HT-{:05}", 2021 + number % 6, one_of(&GOODS, number, 7), mixed(number, 8) % 100_000)
        }
    }
}

fn person(number: i64) -> (String, String) {
    let number = number % PEOPLE;
    (format!("u{number}"), format!("{}{}", at_place(&SURNAMES, number), at_place(&GIVEN, number / 20)))
}

pub(super) fn serial(flow: i64, size: Size) -> String {
    let day = Timestamp(at(flow, size)).in_china().strftime("%Y%m%d").to_string();
    format!("YK{day}-{:04}", flow % 10_000)
}

pub(super) fn seal(flow: i64) -> &'static str {
    if flow % 10_000 == 9 { "旧公章" } else { one_of(&SEALS, flow, 9) }
}

/// Writes rows of one table.
struct Rows {
    head: String,
    columns: usize,
    waiting: Vec<Vec<Arg>>,
}

impl Rows {
    fn of(table: &str, columns: &str) -> Self {
        let head = format!("INSERT INTO {table} ({columns}) VALUES ");
        Self { head, columns: columns.split(',').count(), waiting: Vec::new() }
    }

    async fn add(&mut self, tx: &mut Tx, row: Vec<Arg>) -> Result<(), DbError> {
        self.waiting.push(row);
        if self.waiting.len() == 64 { self.write(tx).await } else { Ok(()) }
    }

    async fn write(&mut self, tx: &mut Tx) -> Result<(), DbError> {
        for piece in pieces(&self.waiting) {
            let text = format!("{}{}", self.head, rows(self.columns, piece.len()));
            sql(text).bind_all(piece.iter().flatten().cloned()).execute(&mut *tx).await?;
        }
        self.waiting.clear();
        Ok(())
    }
}

macro_rules! row {
    ($($value:expr),+ $(,)?) => { vec![$(Arg::from($value)),+] };
}

/// Begins a transaction that checks no references: what is referred to is known to be there.
async fn begin(db: &Db) -> Result<Tx, DbError> {
    let mut tx = db.begin().await?;
    if db.is_postgres() {
        sql("SET LOCAL session_replication_role = replica").execute(&mut tx).await?;
    } else {
        sql("PRAGMA defer_foreign_keys = ON").execute(&mut tx).await?;
        sql("PRAGMA cache_size = -400000").execute(&mut tx).await?;
    }
    Ok(tx)
}

pub(super) async fn fill(db: &Db, size: Size) -> anyhow::Result<()> {
    people(db).await?;
    folders(db, size).await?;
    for first in (0..size.flows()).step_by(1_000) {
        let mut tx = begin(db).await?;
        flows(&mut tx, first, (first + 1_000).min(size.flows()), size).await?;
        tx.commit().await?;
    }
    for first in (0..size.documents).step_by(20_000) {
        let mut tx = begin(db).await?;
        documents(&mut tx, first, (first + 20_000).min(size.documents), size).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Makes the search index; the bytes of its two tables.
pub(super) async fn index(db: &Db) -> anyhow::Result<i64> {
    while reindex::step(db).await? {}
    let bytes = if let Pools::Postgres(pool) = db.pools() {
        // What a server does by itself in time.
        sqlx::query("VACUUM ANALYZE").execute(pool).await?;
        sql("SELECT CAST(pg_total_relation_size('search_terms') + pg_total_relation_size('search_owners') AS BIGINT)")
    } else {
        sql("SELECT CAST(SUM(pgsize) AS INTEGER) FROM dbstat WHERE name LIKE '%search_%'")
    };
    Ok(bytes.scalar(db).await.unwrap_or(0))
}

async fn people(db: &Db) -> Result<(), DbError> {
    let mut tx = begin(db).await?;
    let mut users = Rows::of("users", "id, username, username_folded, display_name, password_hash, roles, created_at");
    for (number, (username, role)) in
        (0..).zip([("admin", "admin"), ("zhao", "archivist"), ("li", "member"), ("wang", "operator")])
    {
        let roles = format!("[\"{role}\"]");
        users.add(&mut tx, row![id(1, 1_000 + number), username, username, username, "x", roles, 0_i64]).await?;
    }
    for number in 0..PEOPLE {
        let (username, name) = person(number);
        let folded = username.clone();
        users.add(&mut tx, row![id(1, number), username, folded, name, "x", "[\"member\"]", 0_i64]).await?;
    }
    users.write(&mut tx).await?;
    let definition = "INSERT INTO definitions (id, name, version, created_at) VALUES ($1, '物理用印申请', 1, 0)";
    sql(definition).bind(DEFINITION).execute(&mut tx).await?;
    sql("INSERT INTO definition_versions (definition_id, version, body, created_at, created_by) VALUES ($1, 1, $2, 0, 'admin')")
        .bind(DEFINITION)
        .bind(BODY)
        .execute(&mut tx)
        .await?;
    sql("INSERT INTO services (id, name, base_url, app_token, app_secret, sign_mode, created_at)
         VALUES ($1, '契约锁', 'http://127.0.0.1:1', 't', 'clear:s', 'legacy', 0)")
    .bind(SERVICE)
    .execute(&mut tx)
    .await?;
    tx.commit().await
}

/// Folder 0 is the system's, folder 1 has a tenth of all documents. A hundredth of the others is at the top, each with
/// a hundred below.
async fn folders(db: &Db, size: Size) -> Result<(), DbError> {
    let mut tx = begin(db).await?;
    let mut folders = Rows::of("folders", "id, parent, space, owner, name, lineage, shelf, inherits, created_at");
    let mut entries = Rows::of("folder_rights", "folder_id, who, rights");
    let mut shelves = Rows::of("shelf_rights", "shelf, who, rights");
    let name = "系统知识库-电子签";
    folders.add(&mut tx, row![SYSTEM, "", "system", "", name, format!("{SYSTEM}/"), "system", true, 0_i64]).await?;
    folders.add(&mut tx, row![LARGE, "", "public", "", "历年用印", format!("{LARGE}/"), "public", true, 0_i64]).await?;
    for number in 2..size.folders() {
        let top = number / 100 * 100;
        let at_top = number == top || top == 0;
        let (own, above) = (id(4, number), id(4, top));
        let parent = if at_top { String::new() } else { above.clone() };
        let lineage = if at_top { format!("{own}/") } else { format!("{above}/{own}/") };
        let name = format!("{}{}-{number}", one_of(&PLACES, number, 10), one_of(&KINDS, number, 11));
        // One folder in fifty has rights of its own: some people see it, others do not.
        let own_rights = number % 50 == 7;
        let shelf = if own_rights { own.clone() } else { "public".to_owned() };
        folders.add(&mut tx, row![&own, parent, "public", "", name, lineage, shelf, !own_rights, 0_i64]).await?;
        for (who, rights) in
            [("role:archivist", 7_i64), ("user:u7", 1), ("user:u8", 3)].into_iter().filter(|_| own_rights)
        {
            entries.add(&mut tx, row![&own, who, rights]).await?;
            shelves.add(&mut tx, row![&own, who, rights]).await?;
        }
    }
    for table in [&mut folders, &mut entries, &mut shelves] {
        table.write(&mut tx).await?;
    }
    tx.commit().await
}

async fn flows(tx: &mut Tx, first: i64, end: i64, size: Size) -> Result<(), DbError> {
    let mut flows = Rows::of(
        "flows",
        "id, list_key, serial_no, definition_id, version, title, starter, state, form, photo_no, manifest_no, created_at, updated_at, archived_at",
    );
    let mut people = Rows::of("flow_people", "flow_id, list_key, who, state, definition_id, started, acted");
    let mut of_vendor =
        Rows::of("seal_uses", "id, flow_id, service_id, no, serial_no, business_id, status, application, created_at");
    let mut grants = Rows::of(
        "grants",
        "id, seal_use_id, vendor_id, position, seal, user_name, username, applied, used, left_count, complete",
    );
    let mut ingests = Rows::of("ingests", "id, seal_use_id, cause, state, woken_at, created_at, updated_at");
    for flow in first..end {
        let (flow_id, serial, at, subject) = (id(0, flow), serial(flow, size), at(flow, size), subject(flow));
        let ((starter, _), (user, user_name)) = (person(flow), person(mixed(flow, 12)));
        let form = json!({ "subject": subject, "company": company(flow % 50),
            "seals": [{ "seal": seal(flow), "users": [user] }] });
        flows
            .add(
                tx,
                row![
                    &flow_id,
                    &flow_id,
                    &serial,
                    DEFINITION,
                    1_i64,
                    &subject,
                    &starter,
                    "archived",
                    form.to_string(),
                    45_i64,
                    1_i64,
                    at,
                    at,
                    at
                ],
            )
            .await?;
        let mut known = vec![format!("user:{starter}"), format!("user:{user}"), "role:operator".to_owned()];
        known.dedup();
        for (n, who) in known.into_iter().enumerate() {
            people.add(tx, row![&flow_id, &flow_id, who, "archived", DEFINITION, n == 0, n == 1]).await?;
        }
        let use_id = id(5, flow);
        let use_no = format!("{serial}-1");
        let business = (1_000_000 + flow).to_string();
        of_vendor.add(tx, row![&use_id, &flow_id, SERVICE, 1_i64, use_no, business, "complete", "{}", at]).await?;
        // One flow in a hundred owes a photo.
        let owes = flow % 100 == 5;
        let count = if owes { 45_i64 } else { 42 };
        let state = if owes { "waiting" } else { "done" };
        ingests.add(tx, row![id(5, flow), &use_id, "callback", state, at, at, at]).await?;
        grants
            .add(tx, row![id(7, flow), &use_id, "1", 0_i64, seal(flow), user_name, user, 45_i64, count, 0_i64, true])
            .await?;
    }
    for table in [&mut flows, &mut people, &mut of_vendor, &mut grants, &mut ingests] {
        table.write(tx).await?;
    }
    Ok(())
}

fn folder(number: i64, size: Size) -> String {
    if number % 10 == 0 {
        LARGE.to_owned()
    } else if number % 10 == 1 {
        SYSTEM.to_owned()
    } else {
        id(4, 2 + mixed(number / 30, 13) % (size.folders() - 2))
    }
}

fn tables_of_documents() -> [Rows; 3] {
    let originals = Rows::of(
        "originals",
        "hash, sha256, sm3, crc32, bytes, mime, ext, width, height, complete, store_key, created_at, checked_at",
    );
    let photos = Rows::of(
        "photos",
        "id, seal_use_id, photokey, kind, grant_id, source, position, state, original_hash, no, received_at, created_at, confirmation",
    );
    let documents = Rows::of(
        "documents",
        "id, folder_id, shelf, name, original_hash, source, flow_id, field_key, position, photo_id, kind, seal, user_name, username,
           received_at, taken_key, name_key, bytes, created_by, created_at",
    );
    [originals, photos, documents]
}

async fn documents(tx: &mut Tx, first: i64, end: i64, size: Size) -> Result<(), DbError> {
    let [mut originals, mut photos, mut documents] = tables_of_documents();
    for number in first..end {
        let hash = format!("{:08x}{number:056x}", mixed(number, 14));
        let (sha256, sm3) =
            (format!("{:08x}{number:056x}", mixed(number, 15)), format!("{:08x}{number:056x}", mixed(number, 16)));
        let flow = number / OF_A_FLOW;
        let no = number % OF_A_FLOW + 1;
        let of_flow = number < size.of_flows();
        let at = if of_flow { at(flow, size) + no * 20_000_000 } else { at(mixed(number, 17) % size.flows(), size) };
        let is_photo = of_flow && no < OF_A_FLOW;
        let (mime, ext) = if is_photo { ("image/jpeg", "jpg") } else { ("application/pdf", "pdf") };
        let bytes = 200_000 + mixed(number, 18) % 3_000_000;
        let key = format!("originals/{hash}.{ext}");
        originals
            .add(tx, row![&hash, sha256, sm3, 1_i64, bytes, mime, ext, 3000_i64, 2250_i64, true, key, at, at])
            .await?;
        let kind = if no % 15 == 0 { "face" } else { "signatory" };
        let document = id(6, number);
        let (user, user_name) = person(mixed(flow, 12));
        if is_photo {
            let (use_id, grant, photokey) = (id(5, flow), id(7, flow), format!("k{number}"));
            photos
                .add(
                    tx,
                    row![&document, use_id, photokey, kind, grant, "key", no, "done", &hash, no, at, at, "confirmed"],
                )
                .await?;
        }
        let time = Timestamp(at).in_china().strftime("%Y%m%d-%H%M%S").to_string();
        let name = if is_photo {
            format!("{}_{}_{no:03}_{time}_{kind}.jpg", serial(flow, size), seal(flow))
        } else if of_flow {
            format!("{}盖章扫描件.pdf", one_of(&KINDS, flow, 4))
        } else {
            format!("{}{}{}.pdf", one_of(&PLACES, number, 19), one_of(&KINDS, number, 20), number % 1_000)
        };
        let place = folder(if of_flow { flow } else { number }, size);
        let name_key = sort_key::of_name(&name);
        let photo = is_photo.then(|| document.clone());
        documents
            .add(
                tx,
                row![
                    document,
                    place,
                    "folder",
                    name,
                    &hash,
                    if is_photo { "photo" } else { "upload" },
                    of_flow.then(|| id(0, flow)),
                    of_flow.then(|| "photos".to_owned()),
                    no,
                    photo,
                    is_photo.then(|| kind.to_owned()),
                    is_photo.then(|| seal(flow).to_owned()),
                    is_photo.then(|| user_name.clone()),
                    is_photo.then(|| user.clone()),
                    at,
                    at,
                    name_key,
                    bytes,
                    "yinku",
                    at
                ],
            )
            .await?;
    }
    for table in [&mut originals, &mut photos, &mut documents] {
        table.write(tx).await?;
    }
    Ok(())
}

pub(super) async fn counted(db: &Db) -> Result<Value, DbError> {
    let mut counted = json!({});
    for table in ["flows", "folders", "documents", "search_owners", "search_terms"] {
        counted[table] = sql(format!("SELECT COUNT(*) FROM {table}")).scalar::<i64>(db).await?.into();
    }
    Ok(counted)
}
