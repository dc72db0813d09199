//! The seals and categories of a provider.

/// A physical seal that can be applied for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    pub id: String,
    pub name: String,
    /// The company in whose list the seal stands.
    pub company: Option<String>,
    /// The owner's name.
    pub owner_name: Option<String>,
    /// The number of the box that holds the seal.
    pub device_no: Option<String>,
    /// The provider's word for the seal's state. `None` in some versions.
    pub status: Option<String>,
    /// False if the provider says that the seal was deleted or is invalid.
    pub usable: bool,
    pub location: Option<String>,
}

impl Seal {
    /// Returns true if the provider does not let anybody use the seal for now.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.status.as_deref() == Some("FREEZE")
    }
}

/// A business category (业务分类).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    pub id: String,
    pub name: String,
    /// ELECTRONIC or PHYSICAL. Only physical categories are of use here.
    pub kind: Option<String>,
    pub tenant_id: Option<String>,
    /// 0, 1 or 2. The vendor does not document their meaning.
    pub state: Option<String>,
}

impl Category {
    /// Returns true if physical seals can be applied for in this category.
    #[must_use]
    pub fn is_physical(&self) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind == "PHYSICAL")
    }
}
