//! Every answer this client reads, from its bytes to what the engine sees: for fuzzing.

use infra_provider_api::{Address, Context, Found};
use serde::Serialize;

use super::{
    domain, droplet_spec, firewall, kubernetes_load_balancer, load_balancer, record, ssh_key,
    volume, vpc, zones::Zone,
};
use crate::{
    client::parse_page,
    wire::{Domain, Droplet, Firewall, LoadBalancer, Record, SshKey, Tag, Volume, Vpc},
};

const OPERATION: &str = "read an answer";

/// Writes each spec that was read, as the engine does it for the plan and the record.
fn write<S: Serialize>(found: impl IntoIterator<Item = Found<S>>) {
    for one in found {
        drop(serde_json::to_value(&one.spec).map(|spec| spec.to_string()));
    }
}

/// Reads `body` as each list in turn.
pub(crate) fn lists(cx: &Context, body: &[u8]) {
    if let Ok(page) = parse_page::<Droplet>(OPERATION, "droplets", body) {
        write(page.items.iter().filter_map(|droplet| droplet_spec::found(cx, droplet)));
    }
    if let Ok(page) = parse_page::<Firewall>(OPERATION, "firewalls", body) {
        write(page.items.iter().filter_map(|one| firewall::found(cx, one)));
    }
    if let Ok(page) = parse_page::<LoadBalancer>(OPERATION, "load_balancers", body) {
        write(load_balancer::all_found(cx, &page.items).unwrap_or_default());
        write(kubernetes_load_balancer::in_cluster(cx, &page.items));
    }
    if let Ok(page) = parse_page::<Vpc>(OPERATION, "vpcs", body) {
        write(page.items.iter().filter_map(|one| vpc::found(cx, one)));
    }
    if let Ok(page) = parse_page::<Volume>(OPERATION, "volumes", body) {
        write(page.items.iter().map(volume::found));
    }
    if let Ok(page) = parse_page::<SshKey>(OPERATION, "ssh_keys", body) {
        let address = |key: &SshKey| Address::new("ssh_key", &key.name);
        write(page.items.iter().map(|key| ssh_key::found(address(key), key, false)));
    }
    if let Ok(page) = parse_page::<Record>(OPERATION, "domain_records", body) {
        write(page.items.iter().map(|one| record::found("example.com", one)));
        let zone = Zone { name: "example.com".to_owned(), records: page.items };
        write([domain::found(&zone)]);
    }
    drop(parse_page::<Domain>(OPERATION, "domains", body));
    drop(parse_page::<Tag>(OPERATION, "tags", body));
}
