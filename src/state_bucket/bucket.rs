//! A real bucket as the engine wants it.

use async_trait::async_trait;
use infra_object_store::{Bucket, Condition, StoreError as BucketError};

use crate::state::{
    StoreError,
    store::remote::{Object, Objects, Only},
};

/// A bucket, below a prefix that ends in `/`.
#[derive(Clone, Debug)]
pub(super) struct BucketObjects {
    pub bucket: Bucket,
    pub prefix: String,
}

impl BucketObjects {
    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}

pub(super) fn failed(what: &'static str, name: String, error: &BucketError) -> StoreError {
    StoreError::Io { what, name, reason: error.to_string(), full: false }
}

#[async_trait]
impl Objects for BucketObjects {
    fn describe(&self, key: &str) -> String {
        format!("s3://{}/{}{key}", self.bucket.name(), self.prefix)
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let fetched = self.bucket.fetch(&self.key(key)).await;
        let fetched = fetched.map_err(|error| failed("read", self.describe(key), &error))?;
        Ok(fetched.map(|fetched| Object {
            bytes: fetched.body.to_vec(),
            etag: fetched.etag,
            age: fetched.age,
        }))
    }

    async fn put(
        &self,
        key: &str,
        bytes: Vec<u8>,
        only: Only,
    ) -> Result<Option<String>, StoreError> {
        let condition = match only {
            Only::New => Condition::Absent,
            Only::Unchanged(etag) => Condition::Unchanged(etag),
        };
        let written = self.bucket.put_if(&self.key(key), bytes, &condition).await;
        written.map_err(|error| failed("write", self.describe(key), &error))
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        let removed = self.bucket.delete(&self.key(key)).await;
        removed.map_err(|error| failed("remove", self.describe(key), &error))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let listed = self.bucket.list(&self.key(prefix)).await;
        let listed = listed.map_err(|error| failed("list", self.describe(prefix), &error))?;
        let own = |key: String| key.strip_prefix(&self.prefix).map(str::to_owned);
        let mut keys: Vec<String> = listed.into_iter().filter_map(|one| own(one.key)).collect();
        keys.sort();
        Ok(keys)
    }
}
