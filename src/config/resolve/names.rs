//! SSH keys, DNS, and how long certificates are valid.

use infra_provider_api::{DnsConfig, SshKey};

use super::Resolver;
use crate::config::{
    project::CertificateConfig,
    raw::{RawEndpoint, RawSshKey},
    values,
};

impl Resolver<'_> {
    pub(super) fn ssh_keys(&mut self) -> Vec<SshKey> {
        let mut keys = Vec::new();
        for (name, raw) in &self.raw.ssh_keys {
            let key = match raw {
                RawSshKey::Key(key) => key.clone(),
                RawSshKey::File(file) => {
                    let path = self.local(&file.file);
                    match std::fs::read_to_string(&path) {
                        Ok(text) => text,
                        Err(error) => {
                            self.wrong(
                                &["ssh_keys", name],
                                format!("can't read {}: {error}", path.display()),
                            );
                            continue;
                        }
                    }
                }
            };
            let key = key.trim().to_owned();
            match values::ssh_key(&key) {
                Ok(()) => keys.push(SshKey { name: name.clone(), public_key: key }),
                Err(why) => self.wrong(
                    &["ssh_keys", name],
                    format!("the SSH key `{name}` is not a public key in OpenSSH's format: {why}"),
                ),
            }
        }
        keys
    }

    pub(super) fn dns(&mut self) -> Option<DnsConfig> {
        let raw = self.raw.dns.as_ref()?;
        if let Err(why) = values::domain(&raw.domain) {
            self.wrong_hint(
                &["dns", "domain"],
                format!("DNS refuses the name `{}`: {why}", raw.domain),
                "write a name whose zone you hold, for instance example.com",
            );
        }
        let ttl_s = raw.ttl.unwrap_or(300);
        if !(30..=86_400).contains(&ttl_s) {
            self.wrong(&["dns", "ttl"], "`ttl` must be from 30 to 86400 seconds");
        }
        let api_name = raw.api_name.clone().unwrap_or_else(|| "api".into());
        if let Err(why) = values::label(&api_name, 63) {
            self.wrong(&["dns", "api_name"], format!("DNS refuses the name `{api_name}`: {why}"));
        }
        Some(DnsConfig {
            domain: raw.domain.clone(),
            ttl_s,
            manage_zone: raw.manage_zone.unwrap_or(true),
            api_name,
            is_endpoint: raw.endpoint != Some(RawEndpoint::Address),
            source: self.source(&["dns"]),
        })
    }

    pub(super) fn certificates(&mut self) -> CertificateConfig {
        let raw = &self.raw.certificates;
        let mut read = |key: &str, written: &Option<String>, default: &str| {
            let text = written.as_deref().unwrap_or(default);
            self.take(&["certificates", key], values::days(text), 1)
        };
        let ca_days = read("ca_validity", &raw.ca_validity, "10y");
        let leaf_days = read("validity", &raw.validity, "1y");
        let renew_before_days = read("renew_before", &raw.renew_before, "60d");
        if renew_before_days >= leaf_days {
            self.wrong(
                &["certificates", "renew_before"],
                format!("`renew_before` ({renew_before_days} days) must be shorter than `validity` ({leaf_days} days)"),
            );
        }
        if leaf_days > ca_days {
            self.wrong(
                &["certificates", "validity"],
                "certificates can't outlive the authority that signs them",
            );
        }
        CertificateConfig { ca_days, leaf_days, renew_before_days }
    }
}
