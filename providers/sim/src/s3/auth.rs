//! Access keys and what they may.

use std::sync::Arc;

use s3s::auth::{Credentials, S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

use crate::sim::Sim;

/// Looks secrets up in the world.
pub struct Keys(pub Arc<Sim>);

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        self.0
            .world
            .read(|w| {
                let key = w.spaces_keys.by_id(access_key)?;
                Some(SecretKey::from(key.secret_key.as_str()))
            })
            .ok_or_else(|| s3_error!(InvalidAccessKeyId))
    }
}

/// What a request wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read objects, list.
    Read,
    /// Write and delete objects.
    Write,
    /// Make and delete buckets.
    Admin,
}

/// Checks that the request's key may do this to a bucket.
///
/// # Errors
/// Returns `AccessDenied` otherwise.
pub fn allow(
    sim: &Sim,
    credentials: Option<&Credentials>,
    bucket: &str,
    access: Access,
) -> S3Result<()> {
    let allowed = credentials.is_some_and(|c| {
        sim.world.read(|w| {
            w.spaces_keys.by_id(&c.access_key).is_some_and(|key| {
                key.grants.iter().any(|g| match (g.permission.as_str(), access) {
                    ("fullaccess", _) => true,
                    ("readwrite", Access::Read | Access::Write) => g.bucket == bucket,
                    ("read", Access::Read) => g.bucket == bucket,
                    _ => false,
                })
            })
        })
    });
    if allowed { Ok(()) } else { Err(s3_error!(AccessDenied, "Access Denied")) }
}
