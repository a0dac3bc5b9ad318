//! The name of a resource inside one cluster.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// `kind.name`, for instance `droplet.worker-1`. The kind has no dots, the name may have
/// (`domain.example.com`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    kind: String,
    name: String,
}

/// Why a text is not an address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not an address; write KIND.NAME, for instance droplet.worker-1")]
pub struct AddressError {
    /// What was given.
    pub text: String,
}

impl Address {
    /// An address from its two parts.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }

    /// The kind, for instance `droplet`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name within the kind, for instance `worker-1`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.name)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.split_once('.') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Ok(Self::new(kind, name)),
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
}
