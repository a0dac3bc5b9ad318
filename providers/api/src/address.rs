//! The name of a resource inside one cluster.

use std::{cmp::Ordering, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::intern::intern;

/// `kind.name`, for instance `droplet.worker-1`. The kind has no dots, the name may have
/// (`domain.example.com`). Cheap to clone: copies share their text.
///
/// ```
/// use infra_provider_api::{Address, AddressError};
///
/// let zone: Address = "domain.example.com".parse()?;
/// assert_eq!((zone.kind(), zone.name()), ("domain", "example.com"));
/// assert_eq!(zone, Address::new("domain", "example.com"));
/// assert!("worker-1".parse::<Address>().is_err());
/// # Ok::<(), AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(Arc<str>);

/// Why a text is not an address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not an address; write KIND.NAME, for instance droplet.worker-1")]
pub struct AddressError {
    /// What was given.
    pub text: String,
}

impl Address {
    /// Makes an address from its two parts.
    pub fn new(kind: impl AsRef<str>, name: impl AsRef<str>) -> Self {
        Self(intern(&format!("{}.{}", kind.as_ref(), name.as_ref())))
    }

    /// Returns the kind, for instance `droplet`.
    pub fn kind(&self) -> &str {
        self.parts().0
    }

    /// Returns the name within the kind, for instance `worker-1`.
    pub fn name(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once('.').unwrap_or((&self.0, ""))
    }
}

/// By kind, then by name.
impl Ord for Address {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.0)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.split_once('.') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Ok(Self(intern(text))),
            _ => Err(AddressError { text: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_dots_a_kind_may_not() {
        let address: Address = "domain.example.com".parse().unwrap();
        assert_eq!((address.kind(), address.name()), ("domain", "example.com"));
        assert_eq!(address.to_string(), "domain.example.com");
        assert!("droplet".parse::<Address>().is_err());
        assert!(".x".parse::<Address>().is_err());
    }

    #[test]
    fn a_kind_comes_before_the_one_that_begins_like_it() {
        let mut sorted = [Address::new("node-pool", "a"), Address::new("node", "b")];
        sorted.sort();
        assert_eq!(sorted[0].kind(), "node");
    }
}
