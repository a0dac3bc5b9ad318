//! Subject alternative names.

use std::net::IpAddr;

use rcgen::SanType;

use crate::error::{Result, SslError};

/// DNS names and addresses of a certificate: sorted, without doubles, so that two sets compare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Host names, lower case; a leading `*.` is allowed.
    pub dns: Vec<String>,
    /// Addresses.
    pub ips: Vec<IpAddr>,
}

impl Names {
    /// Sorts texts into addresses and host names; refuses what neither is.
    pub fn parse<I, S>(entries: I) -> Result<Names>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let mut names = Names::default();
        for entry in entries {
            let entry = entry.as_ref().trim();
            match entry.parse::<IpAddr>() {
                Ok(ip) => names.ips.push(ip),
                Err(_) => names.dns.push(host_name(entry)?),
            }
        }
        Ok(names.normal())
    }

    /// Sorts the names and drops duplicates, so that equal sets compare equal.
    pub fn normal(mut self) -> Names {
        self.dns.sort();
        self.dns.dedup();
        self.ips.sort();
        self.ips.dedup();
        self
    }

    /// Returns true if there is no name at all.
    pub fn is_empty(&self) -> bool {
        self.dns.is_empty() && self.ips.is_empty()
    }

    /// Returns all entries as texts, names first.
    pub fn texts(&self) -> Vec<String> {
        self.dns.iter().cloned().chain(self.ips.iter().map(IpAddr::to_string)).collect()
    }

    /// Returns true if a certificate with these names is valid for `host`. A wildcard stands for one
    /// label, as RFC 9525 has it.
    pub fn covers(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.dns.iter().any(|name| {
            let name = name.to_ascii_lowercase();
            name == host
                || name.strip_prefix("*.").zip(host.split_once('.')).is_some_and(
                    |(domain, (label, rest))| !label.is_empty() && label != "*" && domain == rest,
                )
        })
    }

    pub(crate) fn to_sans(&self) -> Result<Vec<SanType>> {
        let mut out = Vec::with_capacity(self.dns.len() + self.ips.len());
        for name in &self.dns {
            let value = name.as_str().try_into().map_err(|e: rcgen::Error| SslError::Name {
                name: name.clone(),
                reason: e.to_string(),
            })?;
            out.push(SanType::DnsName(value));
        }
        out.extend(self.ips.iter().map(|ip| SanType::IpAddress(*ip)));
        Ok(out)
    }
}

fn host_name(name: &str) -> Result<String> {
    let refuse = |reason: &str| SslError::Name { name: name.to_string(), reason: reason.into() };
    let lower = name.trim_end_matches('.').to_ascii_lowercase();
    let body = lower.strip_prefix("*.").unwrap_or(&lower);
    if body.is_empty() || lower.len() > 253 {
        return Err(refuse("a host name has 1 to 253 characters"));
    }
    for label in body.split('.') {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if label.is_empty() || label.len() > 63 {
            return Err(refuse("each part of a host name has 1 to 63 characters"));
        }
        if !label.chars().all(good) || label.starts_with('-') || label.ends_with('-') {
            return Err(refuse("a host name has letters, digits and inner hyphens only"));
        }
    }
    Ok(lower)
}
