//! The zone and its records. The API server has none: Google gives it an address, and a certificate for that.

use infra_provider_api::{Address, Cluster, Declared, Diagnostic, DnsConfig, Input, Phase};

use super::{Part, declare};
use crate::resources::{ManagedZoneSpec, RecordSpec};

pub(super) fn declared(cluster: &Cluster) -> Part {
    let Some(dns) = &cluster.dns else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    if dns.manage_zone {
        all.push(declare(zone(dns), &ManagedZoneSpec { name: dns.domain.clone() })?);
    }
    // Where the apps are reached is known once the suite runs.
    for name in [dns.domain.clone(), format!("*.{}", dns.domain)] {
        let ingress = Input::reference(Address::new("suite", "ingress"), "ingress_address");
        all.push(record(dns, name, ingress)?.in_phase(Phase::Apps));
    }
    for declared in &mut all {
        declared.source = dns.source.clone();
    }
    Ok(all)
}

fn zone(dns: &DnsConfig) -> Address {
    Address::new("managed_zone", &dns.domain)
}

fn record(
    dns: &DnsConfig,
    name: String,
    target: Input<String>,
) -> Result<Declared, Vec<Diagnostic>> {
    let zone = if dns.manage_zone {
        Input::reference(zone(dns), "name")
    } else {
        dns.domain.clone().into()
    };
    let spec = RecordSpec { zone, name: name.clone(), target, ttl_s: dns.ttl_s };
    declare(Address::new("record", name), &spec)
}
