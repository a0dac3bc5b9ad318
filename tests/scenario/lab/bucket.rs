//! Buckets of the embedded cloud, looked into by a client of their own.

use std::{collections::BTreeMap, path::Path};

use infra_object_store::{Bucket, ObjectStore};

use super::Lab;

impl Lab {
    /// The bucket `name` of the lab's embedded cloud.
    pub fn bucket(&self, name: &str) -> Bucket {
        let endpoint = self.endpoint();
        let text = |field: &str| endpoint[field].as_str().unwrap().to_owned();
        let ca = self.path().join(Path::new(&text("ca_file")));
        let store = ObjectStore {
            endpoint: Some(text("s3").parse().unwrap()),
            region: "fra1".into(),
            access_key: text("spaces_access_key_id"),
            secret: text("spaces_secret_access_key").into(),
            session_token: None,
            chain: None,
            ca_pem: Some(std::fs::read(ca).unwrap()),
            path_style: true,
            owner: None,
        };
        store.bucket(name).unwrap()
    }

    /// Every object of a bucket, by key.
    pub fn objects(&self, bucket: &str) -> BTreeMap<String, Vec<u8>> {
        let bucket = self.bucket(bucket);
        run(async {
            let mut all = BTreeMap::new();
            for object in bucket.list("").await.unwrap() {
                let body = bucket.get(&object.key).await.unwrap();
                all.insert(object.key, body.to_vec());
            }
            all
        })
    }

    /// Replaces an object.
    pub fn put_object(&self, bucket: &str, key: &str, body: &[u8]) {
        let (bucket, body) = (self.bucket(bucket), body.to_vec());
        run(async { bucket.put(key, body).await.unwrap() });
    }

    /// Removes an object.
    pub fn remove_object(&self, bucket: &str, key: &str) {
        let bucket = self.bucket(bucket);
        run(async { bucket.delete(key).await.unwrap() });
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
