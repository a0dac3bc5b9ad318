//! The keys that an API server keeps Secrets with. Nothing is encrypted here: it is remembered which key
//! wrote each Secret, and an API server that lacks it refuses as the real one does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// The keys of one API server, in the order in which it tries them. The first one writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretKeys {
    /// Name and fingerprint of each; `None` is plain text.
    order: Vec<Option<(String, String)>>,
}

impl SecretKeys {
    /// Adds plain text as the next one.
    #[must_use]
    pub fn then_plain(mut self) -> Self {
        self.order.push(None);
        self
    }

    /// Adds a key as the next one.
    #[must_use]
    pub fn then_key(mut self, name: &str, secret: &[u8]) -> Self {
        let sum = hex::encode(&Sha256::digest(secret)[..6]);
        self.order.push(Some((name.to_owned(), sum)));
        self
    }

    /// Returns what stands before a Secret in etcd that is written now: empty for plain text.
    fn seal(&self) -> String {
        match self.order.first() {
            Some(Some((name, sum))) => format!("{name}:{sum}"),
            Some(None) | None => String::new(),
        }
    }

    /// Returns why a Secret with this seal cannot be read, in the API server's words.
    fn fault(&self, seal: &str) -> Option<&'static str> {
        let keys: Vec<&(String, String)> = self.order.iter().flatten().collect();
        let Some((name, sum)) = seal.split_once(':') else {
            // An API server without any provider reads and writes plain text.
            let reads_plain = self.order.is_empty() || self.order.contains(&None);
            return (!reads_plain).then_some("no matching prefix found");
        };
        match keys.iter().find(|key| key.0 == name) {
            Some(key) if key.1 == sum => None,
            Some(_) => Some("output array was not large enough for encryption"),
            None if keys.is_empty() => Some("identity transformer tried to read encrypted data"),
            None => Some("no matching key was found for the provided Secretbox transformer"),
        }
    }
}

/// The keys that a handle of the store writes and reads with.
#[derive(Clone)]
pub(crate) enum Keys {
    /// Those of the API server that was started last: the controllers' way to the store.
    Latest(Arc<Mutex<SecretKeys>>),
    /// Those of one API server.
    Own(Arc<SecretKeys>),
}

impl Default for Keys {
    fn default() -> Self {
        Self::Latest(Arc::default())
    }
}

impl Keys {
    fn with<T>(&self, f: impl FnOnce(&SecretKeys) -> T) -> T {
        match self {
            Self::Latest(keys) => f(&keys.lock().unwrap_or_else(PoisonError::into_inner)),
            Self::Own(keys) => f(keys),
        }
    }

    /// Makes `keys` those of the API server that was started last.
    pub(crate) fn set_latest(&self, keys: &SecretKeys) {
        if let Self::Latest(latest) = self {
            *latest.lock().unwrap_or_else(PoisonError::into_inner) = keys.clone();
        }
    }

    pub(crate) fn seal(&self) -> String {
        self.with(SecretKeys::seal)
    }
}

/// The key that wrote each Secret, by namespace and name.
pub(crate) type Seals = BTreeMap<(String, String), String>;

/// Returns the first Secret of a namespace (or of all), and of a name if there is one, that cannot be
/// read, with the reason.
pub(crate) fn unreadable(
    seals: &Seals,
    keys: &Keys,
    namespace: Option<&str>,
    name: Option<&str>,
) -> Option<(String, &'static str)> {
    keys.with(|keys| {
        seals
            .iter()
            .filter(|((ns, _), _)| namespace.is_none_or(|wanted| wanted == ns))
            .filter(|((_, own), _)| name.is_none_or(|wanted| wanted == own))
            .find_map(|((ns, own), seal)| {
                Some((format!("/registry/secrets/{ns}/{own}"), keys.fault(seal)?))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, secret: u8) -> SecretKeys {
        SecretKeys::default().then_key(name, &[secret; 32])
    }

    #[test]
    fn who_has_the_key_reads_what_it_wrote() {
        let (one, two) = (key("key1", 1).then_plain(), key("key2", 2).then_key("key1", &[1; 32]));
        let plain = SecretKeys::default();
        let begun = SecretKeys::default().then_plain().then_key("key1", &[1; 32]);
        assert_eq!(two.fault(&one.seal()), None);
        assert_eq!(begun.fault(&one.seal()), None);
        assert_eq!((begun.seal(), one.fault(&begun.seal())), (String::new(), None));
        for (keys, seal, why) in [
            (&one, two.seal(), "no matching key was found for the provided Secretbox transformer"),
            (&key("key1", 3), one.seal(), "output array was not large enough for encryption"),
            (&plain, one.seal(), "identity transformer tried to read encrypted data"),
            (&key("key1", 1), plain.seal(), "no matching prefix found"),
        ] {
            assert_eq!(keys.fault(&seal), Some(why));
        }
    }
}
