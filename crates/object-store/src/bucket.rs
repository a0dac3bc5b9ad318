//! Reading and writing objects.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Tag, Tagging};
use bytes::Bytes;

use crate::error::Call;
use crate::{ObjectMeta, ObjectStore, StoreError};

/// One bucket. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub(crate) client: Client,
    /// The client that signs URLs.
    pub(crate) signer: Client,
    pub(crate) name: String,
    pub(crate) store: ObjectStore,
}

impl Bucket {
    pub(crate) fn new(client: Client, signer: Client, name: String, store: ObjectStore) -> Bucket {
        Bucket { client, signer, name, store }
    }

    /// Returns the bucket's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the store that the bucket is in.
    pub fn store(&self) -> &ObjectStore {
        &self.store
    }

    pub(crate) fn call<'a>(&'a self, action: &'static str, key: &'a str) -> Call<'a> {
        Call { action, bucket: &self.name, key, host: self.store.host() }
    }

    /// Writes an object, replacing one of that key.
    pub async fn put(&self, key: &str, body: impl Into<Bytes>) -> Result<(), StoreError> {
        self.client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .body(ByteStream::from(body.into()))
            .send()
            .await
            .map_err(|e| self.call("write", key).error(e))?;
        Ok(())
    }

    /// Reads an object whole.
    pub async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let answer = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(key)
            .send()
            .await
            .map_err(|e| self.call("read", key).error(e))?;
        let body = answer.body.collect().await.map_err(|e| StoreError::Unavailable {
            action: "read",
            what: self.call("read", key).what(),
            reason: format!("the answer broke off: {e}"),
            request: String::new(),
        })?;
        Ok(body.into_bytes())
    }

    /// Reads an object; `None` when there is none.
    pub async fn get_optional(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        match self.get(key).await {
            Ok(body) => Ok(Some(body)),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Returns the size and etag of an object, `None` if there is none.
    pub async fn head(&self, key: &str) -> Result<Option<ObjectMeta>, StoreError> {
        let answer = self.client.head_object().bucket(&self.name).key(key).send().await;
        match answer.map_err(|e| self.call("look at", key).error(e)) {
            Ok(a) => Ok(Some(ObjectMeta {
                key: key.into(),
                size: a.content_length().and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                etag: a.e_tag().map(str::to_string),
            })),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Gives an object one tag, in place of all that it has.
    ///
    /// # Errors
    /// Returns an error if there is no such object, or if the store refuses.
    pub async fn tag(&self, key: &str, name: &str, value: &str) -> Result<(), StoreError> {
        let call = self.call("tag", key);
        let tag = Tag::builder().key(name).value(value).build();
        let tags = tag.and_then(|tag| Tagging::builder().tag_set(tag).build());
        let tags = tags.map_err(|e| StoreError::Config(format!("a tag of {key}: {e}")))?;
        let sent = self.client.put_object_tagging().bucket(&self.name).key(key).tagging(tags);
        sent.send().await.map_err(|e| call.error(e))?;
        Ok(())
    }

    /// Deletes an object; one that is not there is no error.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let sent = self.client.delete_object().bucket(&self.name).key(key).send().await;
        match sent.map_err(|e| self.call("delete", key).error(e)) {
            Ok(_) => Ok(()),
            Err(e) if e.is_not_found() => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Deletes every version of an object, where the store keeps versions: what was replaced or deleted
    /// could be read again otherwise.
    pub async fn purge(&self, key: &str) -> Result<(), StoreError> {
        self.delete(key).await?;
        // One key has few versions: the first page has them all.
        let call = self.client.list_object_versions().bucket(&self.name).prefix(key);
        let page = match call.send().await {
            Ok(page) => page,
            // A store without versions.
            Err(error) if error.code() == Some("NotImplemented") => return Ok(()),
            Err(error) => match self.call("list the versions of", key).error(error) {
                error if error.is_not_found() => return Ok(()),
                error => return Err(error),
            },
        };
        let versions = page.versions().iter().map(|one| (one.key(), one.version_id()));
        let markers = page.delete_markers().iter().map(|one| (one.key(), one.version_id()));
        for (found, version) in versions.chain(markers) {
            let (true, Some(version)) = (found == Some(key), version) else { continue };
            let call = self.client.delete_object().bucket(&self.name).key(key);
            let sent = call.version_id(version).send().await;
            match sent.map_err(|e| self.call("delete", key).error(e)) {
                Ok(_) => {}
                Err(e) if e.is_not_found() => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
