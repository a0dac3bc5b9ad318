//! Objects that carry signatures: what is read is checked, what is written is signed.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;

use super::{
    objects::{Object, Objects, Only},
    seal::{Doubt, Form, Seal, form, is_signed, summed},
};
use crate::store::StoreError;

/// What a run reads, beside the lock. Whatever else lies there (a "folder" of a console) is nobody's concern.
const READ: [&str; 2] = ["journal/", "history/"];
const LOCK: &str = "lock.json";

/// Objects of a state. Without a seal they are as they are: records from before there were
/// signatures.
pub struct Signed {
    inner: Arc<dyn Objects>,
    seal: RwLock<Option<Arc<Seal>>>,
}

impl Signed {
    /// Wraps objects that are not known to be signed yet.
    pub fn new(inner: Arc<dyn Objects>) -> Self {
        Self { inner, seal: RwLock::default() }
    }

    /// Checks and signs with `seal` from now on.
    pub fn set(&self, seal: Arc<Seal>) {
        *self.seal.write().unwrap_or_else(PoisonError::into_inner) = Some(seal);
    }

    /// Returns the seal.
    pub fn seal(&self) -> Option<Arc<Seal>> {
        self.seal.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the sum of each object that would have to be signed, as it is now. With a seal, each of them
    /// must fit it: another key will vouch for them.
    ///
    /// # Errors
    /// Returns any error of the store, and an error for an object that does not fit.
    pub async fn sums(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let mut sums = BTreeMap::new();
        for name in self.inner.list("").await? {
            let is_read = name == LOCK || READ.iter().any(|folder| name.starts_with(folder));
            if is_read
                && form(&name) != Form::Bare
                && let Some(object) = self.inner.get(&name).await?
            {
                let sum = summed(&object.bytes);
                if let Some(seal) = self.seal()
                    && seal.open(&name, object.bytes).is_err()
                {
                    return Err(self.untrusted(&name, "it is not signed with the key of the state"));
                }
                sums.insert(name, sum);
            }
        }
        Ok(sums)
    }

    fn untrusted(&self, key: &str, reason: &'static str) -> StoreError {
        StoreError::Untrusted { name: self.describe(key), reason }
    }
}

#[async_trait]
impl Objects for Signed {
    fn describe(&self, key: &str) -> String {
        self.inner.describe(key)
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let Some(mut object) = self.inner.get(key).await? else { return Ok(None) };
        match self.seal() {
            Some(seal) => {
                object.bytes = seal.open(key, object.bytes).map_err(|doubt| match doubt {
                    Doubt::Newer(found) => StoreError::Newer { name: self.describe(key), found },
                    Doubt::Unsigned => self.untrusted(key, "it is not signed"),
                    Doubt::Wrong => self
                        .untrusted(key, "its signature is not that of this object of this cluster"),
                })?;
            }
            None if is_signed(key, &object.bytes) => {
                return Err(self.untrusted(key, "it is signed, and the state says with no key"));
            }
            None => {}
        }
        Ok(Some(object))
    }

    async fn put(
        &self,
        key: &str,
        bytes: Vec<u8>,
        only: Only,
    ) -> Result<Option<String>, StoreError> {
        let bytes = match self.seal() {
            Some(seal) => seal.close(key, bytes),
            None => bytes,
        };
        self.inner.put(key, bytes, only).await
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.inner.remove(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.inner.list(prefix).await
    }
}
