//! How a state in a bucket is opened: who may read it, for how long the lock holds, and who is asked.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;

use crate::{StateError, store::remote::Objects};

/// The person in front of this run.
#[async_trait]
pub trait User: Send + Sync {
    /// Tells them something in one sentence.
    fn tell(&self, text: &str);

    /// Returns true if a question can be answered.
    fn can_answer(&self) -> bool;

    /// Asks for a passphrase, which is not shown.
    ///
    /// # Errors
    /// Returns an error if the question is interrupted, or if nothing can be read.
    async fn passphrase(&self, question: &'static str) -> Result<SecretString, StateError>;
}

/// The bucket that may hold the state of one cluster.
#[async_trait]
pub trait StateBucket: Send + Sync {
    /// Returns the place in a form for people: bucket, prefix and cluster.
    fn url(&self) -> &str;

    /// Returns the objects below the cluster's prefix.
    fn objects(&self) -> Arc<dyn Objects>;

    /// Checks that the bucket exists and belongs to the account.
    ///
    /// # Errors
    /// Returns an error if it does not exist, or belongs to another account.
    async fn check(&self) -> Result<(), StateError>;
}

/// How a state in a bucket is opened.
#[derive(Clone)]
pub struct RemoteOptions {
    /// Public keys of age that private keys are encrypted to; none: a passphrase.
    pub recipients: Vec<String>,
    /// File with the private key of one of them.
    pub identity: Option<PathBuf>,
    /// How long the lock lasts without being renewed.
    pub lease: Duration,
    /// Who is told and asked.
    pub user: Arc<dyn User>,
}
