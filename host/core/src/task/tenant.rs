//! Tenants, and the scoping of names by tenant.
//!
//! The default tenant has everything that was stored before there were others, under the names it always had. What another
//! tenant has is named with the tenant before it and a sign between that no name of a caller can have, so two tenants may use
//! the same name and neither can reach the other's by any name.
//!
//! Names that callers choose are stored with the tenant before them: documents `TENANT<ID`, collections `TENANT/NAME`, endpoints
//! `TENANT.NAME`. The default tenant's are stored bare. Lists are by tenant: a column in SQLite, a list beside the default one in Redis
//! (`LIST:@TENANT`).

use super::DocumentId;
use serde::{Deserialize, Serialize};

/// Maximum length of a tenant name, which is part of many keys.
const LENGTH_MAX: usize = 32;

/// Name of the tenant of the callers with `MORAG_API_KEYS`.
const DEFAULT: &str = "default";

/// A tenant: its tasks, files, documents, endpoints and knowledge are invisible to other tenants. 1 to 32 characters of
/// `a-z 0-9 _ -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

/// The text is not a tenant name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tenant's name has 1 to {LENGTH_MAX} of the characters a-z 0-9 _ -")]
pub struct InvalidTenantId;

impl Default for TenantId {
    fn default() -> Self {
        Self(DEFAULT.into())
    }
}

impl TenantId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the default tenant.
    pub fn is_default(&self) -> bool {
        self.0 == DEFAULT
    }

    /// The stored form of a name: the name itself for the default tenant, otherwise `TENANT`, `sign`, name. `sign` must not occur
    /// in names.
    pub fn stored_name(&self, sign: char, name: &str) -> String {
        if self.is_default() { name.to_owned() } else { format!("{}{sign}{name}", self.0) }
    }

    /// The name under which a collection's knowledge is stored.
    pub fn collection(&self, name: &str) -> String {
        self.stored_name('/', name)
    }
}

impl TryFrom<String> for TenantId {
    type Error = InvalidTenantId;
    fn try_from(text: String) -> Result<Self, InvalidTenantId> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        match (1..=LENGTH_MAX).contains(&text.len()) && text.bytes().all(is_plain) {
            true => Ok(Self(text)),
            false => Err(InvalidTenantId),
        }
    }
}

impl std::str::FromStr for TenantId {
    type Err = InvalidTenantId;
    fn from_str(text: &str) -> Result<Self, InvalidTenantId> {
        Self::try_from(text.to_owned())
    }
}

impl From<TenantId> for String {
    fn from(tenant: TenantId) -> Self {
        tenant.0
    }
}

impl std::fmt::Display for TenantId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Key of a document's claim, scoped by tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DocumentKey(String);

impl DocumentKey {
    /// The key of a tenant's document. Document ids cannot contain the separator.
    pub fn new(tenant: &TenantId, document: &DocumentId) -> Self {
        Self(tenant.stored_name('<', document.as_str()))
    }

    /// A key that a store has kept.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::EndpointId;

    fn tenant(name: &str) -> TenantId {
        name.parse().unwrap()
    }

    #[test]
    fn a_name_is_short_and_plain() {
        for bad in ["", "A", "a b", "a.b", "a/b", "a<b", "ä", &"x".repeat(33)] {
            assert_eq!(bad.parse::<TenantId>(), Err(InvalidTenantId), "{bad:?}");
        }
        for good in ["default", "acme", "0_-", &"x".repeat(32)] {
            assert_eq!(tenant(good).as_str(), good);
        }
    }

    #[test]
    fn the_default_tenant_has_the_names_there_always_were() {
        let (tenant, document) = (TenantId::default(), DocumentId::try_from("d".to_owned()).unwrap());
        assert_eq!(tenant.collection("documents"), "documents");
        assert_eq!(DocumentKey::new(&tenant, &document).as_str(), "d");
        assert_eq!(EndpointId::of_tenant(&tenant, "crm").as_str(), "crm");
        assert_eq!(serde_json::from_str::<TenantId>("\"acme\"").unwrap(), self::tenant("acme"));
        assert!(serde_json::from_str::<TenantId>("\"a/b\"").is_err());
    }

    #[test]
    fn no_name_of_one_tenant_is_one_of_another() {
        // What a caller of the default tenant would have to call a document, a collection or an endpoint to reach another's
        // is not accepted as such a name.
        assert!(DocumentId::try_from(DocumentKey::new(&tenant("a"), &DocumentId::random()).to_string()).is_err());
        let names = ["x", "a", "b"];
        let tenants = ["default", "a", "b", "a-b", "a_b"].map(tenant);
        let mut seen = std::collections::BTreeSet::new();
        for one in &tenants {
            for name in names {
                assert!(seen.insert(one.collection(name)), "{one} {name}");
                assert!(
                    seen.insert(EndpointId::of_tenant(one, &format!("e{name}")).as_str().to_owned()),
                    "{one} {name}"
                );
            }
        }
    }
}
