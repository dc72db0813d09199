//! What stands at the vendor before anybody applies: two companies, their seals in boxes, and the categories.

/// A company.
#[derive(Clone, Copy, Debug)]
pub struct Company {
    pub id: &'static str,
    pub name: &'static str,
}

/// A physical seal in its box. `公章` exists in both companies.
#[derive(Clone, Copy, Debug)]
pub struct Seal {
    pub id: &'static str,
    pub name: &'static str,
    pub owner_name: &'static str,
    /// `deviceId` in the seal list, `deviceNo` in applications.
    pub device_no: &'static str,
    pub location: &'static str,
}

/// A business category.
#[derive(Clone, Copy, Debug)]
pub struct Category {
    pub id: &'static str,
    pub name: &'static str,
    pub company: &'static str,
    pub physical: bool,
}

pub const COMPANIES: [Company; 2] = [
    Company { id: "2490828768980361630", name: "上海印库科技有限公司" },
    Company { id: "2490828768980361631", name: "北京印库信息有限公司" },
];

pub const SEALS: [Seal; 5] = [
    seal("2492236993899110401", "公章", 0, "QYS2019040001", "上海 行政部"),
    seal("2492236993899110402", "合同专用章", 0, "QYS2019040002", "上海 法务部"),
    seal("2492236993899110403", "财务专用章", 0, "QYS2019040003", "上海 财务部"),
    seal("2492236993899110404", "公章", 1, "QYS2019040004", "北京 行政部"),
    seal("2492236993899110405", "人事专用章", 1, "QYS2019040005", "北京 人事部"),
];

const fn seal(
    id: &'static str,
    name: &'static str,
    owner: usize,
    device_no: &'static str,
    location: &'static str,
) -> Seal {
    Seal { id, name, owner_name: COMPANIES[owner].name, device_no, location }
}

pub const CATEGORIES: [Category; 3] = [
    Category { id: "2494236993899110501", name: "物理用印", company: COMPANIES[0].id, physical: true },
    Category { id: "2494236993899110502", name: "物理用印（北京）", company: COMPANIES[1].id, physical: true },
    Category { id: "2494236993899110503", name: "电子合同", company: COMPANIES[0].id, physical: false },
];

/// Names of people whom an application names only by number; E1001 to E1005 have the names that the demonstration
/// gives them.
const PEOPLE: [&str; 8] = ["李四", "王五", "赵六", "孙七", "陈静", "杨磊", "赵敏", "张三"];

/// A person's name, the same for the same contact.
pub(super) fn person(contact: &str) -> &'static str {
    let sum: usize = contact.bytes().map(usize::from).sum();
    PEOPLE[sum % PEOPLE.len()]
}
