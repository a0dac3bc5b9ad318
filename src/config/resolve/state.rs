//! Where the state is kept.

use std::time::Duration;

use super::Resolver;
use crate::config::{project::BucketConfig, values};

const LEASE_DEFAULT: Duration = Duration::from_secs(60);
/// Shorter ones would run out while a busy machine looks away.
const LEASE_MIN: Duration = Duration::from_secs(6);
const LEASE_MAX: Duration = Duration::from_secs(3600);

impl Resolver<'_> {
    pub(super) fn state(&mut self) -> Option<BucketConfig> {
        let raw = self.raw.state.clone()?;
        let backend = raw.backend.clone().unwrap_or_else(|| "local".into());
        if backend == "local" {
            return None;
        }
        let (bucket, prefix) = match BucketConfig::parse_url(&backend) {
            Ok(parsed) => parsed,
            Err(why) => {
                let hint = "\"local\" keeps it on this machine";
                self.wrong_hint(&["state", "backend"], why, hint);
                return None;
            }
        };
        if self.raw.artifacts.bucket.as_ref() == Some(&bucket) {
            self.wrong_hint(
                &["state", "backend"],
                format!("the bucket `{bucket}` goes with the cluster, and the state with it"),
                "keep the state in a bucket of its own",
            );
        }
        for recipient in &raw.recipients {
            if let Err(why) = recipient.parse::<age::x25519::Recipient>() {
                self.wrong_hint(
                    &["state", "recipients"],
                    format!("`{recipient}` is not a public key of age: {why}"),
                    "`age-keygen` prints one; it begins with age1",
                );
            }
        }
        if let Some(Err(why)) = raw.endpoint.as_ref().map(|url| url.parse::<url::Url>()) {
            self.wrong(&["state", "endpoint"], format!("it is not a URL: {why}"));
        }
        if let Some(account) = &raw.account
            && !(account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()))
        {
            self.wrong(&["state", "account"], "an account of AWS is 12 digits");
        }
        let lease = raw.lease.as_deref().map_or(Ok(LEASE_DEFAULT), values::duration);
        let lease = self.take(&["state", "lease"], lease, LEASE_DEFAULT);
        if !(LEASE_MIN..=LEASE_MAX).contains(&lease) {
            self.wrong(&["state", "lease"], "`lease` must be from 6s to 1h");
        }
        Some(BucketConfig {
            bucket,
            prefix,
            endpoint: raw.endpoint,
            region: raw.region,
            account: raw.account,
            recipients: raw.recipients,
            identity: raw.identity.map(|path| self.local(&path)),
            lease,
        })
    }
}
