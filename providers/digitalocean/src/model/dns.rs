//! The zone and its records.

use infra_provider_api::{Address, Cluster, Declared, Diagnostic, DnsConfig, Input, Phase};

use super::{Part, api_load_balancer, declare};
use crate::{DomainSpec, RecordSpec, resources::full_name};

pub(super) fn declared(cluster: &Cluster) -> Part {
    let Some(dns) = &cluster.dns else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    if dns.manage_zone {
        let spec = DomainSpec { name: dns.domain.clone() };
        all.push(declare(zone(dns), &spec)?);
    }
    let api = Input::reference(api_load_balancer(), "ip");
    all.push(record(dns, &dns.api_name, api)?);
    // Where the apps are reached is known once the suite runs.
    for name in ["@", "*"] {
        let ingress = Input::reference(Address::new("suite", "ingress"), "ingress_address");
        all.push(record(dns, name, ingress)?.in_phase(Phase::Apps));
    }
    for declared in &mut all {
        declared.source = dns.source.clone();
    }
    Ok(all)
}

fn zone(dns: &DnsConfig) -> Address {
    Address::new("domain", &dns.domain)
}

fn record(dns: &DnsConfig, name: &str, data: Input<String>) -> Result<Declared, Vec<Diagnostic>> {
    let domain = if dns.manage_zone {
        Input::reference(zone(dns), "name")
    } else {
        dns.domain.clone().into()
    };
    let spec =
        RecordSpec { domain, name: name.to_owned(), kind: "A".to_owned(), data, ttl_s: dns.ttl_s };
    declare(Address::new("record", full_name(name, &dns.domain)), &spec)
}
