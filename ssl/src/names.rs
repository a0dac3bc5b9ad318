//! Subject alternative names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

    /// The same set in its one order.
    pub fn normal(mut self) -> Names {
        self.dns.sort();
        self.dns.dedup();
        self.ips.sort();
        self.ips.dedup();
        self
    }

    /// True when there is no name at all.
    pub fn is_empty(&self) -> bool {
        self.dns.is_empty() && self.ips.is_empty()
    }

    /// All entries as texts, names first.
    pub fn texts(&self) -> Vec<String> {
        self.dns.iter().cloned().chain(self.ips.iter().map(IpAddr::to_string)).collect()
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

/// What an API server is called: input of [`api_server_names`].
#[derive(Debug, Clone, Default)]
pub struct ApiServerNames<'a> {
    /// Public address of the load balancer, when there is one.
    pub load_balancer_ip: Option<IpAddr>,
    /// Private addresses of the control planes.
    pub private_ips: &'a [IpAddr],
    /// First address of the service network ([`first_service_address`]).
    pub service_ip: Option<IpAddr>,
    /// Names of the outside: `api.example.com`, node names.
    pub dns_names: &'a [String],
    /// `cluster.local` unless changed.
    pub cluster_domain: &'a str,
}

/// The names an API server's certificate must carry: what clients inside the cluster use
/// (`kubernetes.default.svc…` and the service address), what those outside use, and loopback.
pub fn api_server_names(n: &ApiServerNames<'_>) -> Result<Names> {
    let mut names = Names {
        dns: vec![
            "localhost".into(),
            "kubernetes".into(),
            "kubernetes.default".into(),
            "kubernetes.default.svc".into(),
            host_name(&format!("kubernetes.default.svc.{}", n.cluster_domain))?,
        ],
        ips: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
    };
    for name in n.dns_names {
        names.dns.push(host_name(name)?);
    }
    names.ips.extend(n.load_balancer_ip);
    names.ips.extend(n.service_ip);
    names.ips.extend(n.private_ips);
    Ok(names.normal())
}

/// First usable address of a service network in CIDR form (`10.96.0.0/12` gives `10.96.0.1`),
/// which Kubernetes gives to the `kubernetes` Service.
pub fn first_service_address(cidr: &str) -> Result<IpAddr> {
    let refuse = |reason: &str| SslError::Name { name: cidr.to_string(), reason: reason.into() };
    let (address, bits) =
        cidr.split_once('/').ok_or_else(|| refuse("it is no network a.b.c.d/n"))?;
    let address: IpAddr = address.parse().map_err(|_| refuse("it is no network a.b.c.d/n"))?;
    let bits: u32 = bits.parse().map_err(|_| refuse("the prefix length is no number"))?;
    match address {
        IpAddr::V4(a) if bits <= 30 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            Ok(IpAddr::V4(Ipv4Addr::from((u32::from(a) & mask) + 1)))
        }
        IpAddr::V6(a) if bits <= 126 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            Ok(IpAddr::V6(Ipv6Addr::from((u128::from(a) & mask) + 1)))
        }
        _ => Err(refuse("the network has no usable address")),
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
