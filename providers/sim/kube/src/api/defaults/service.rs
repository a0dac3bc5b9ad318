use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::fill::{below, default, items};
use crate::Resource;
use crate::api::context::Server;
use crate::api::field_error::FieldError;

/// The node ports of a cluster, both ends included.
pub(crate) const NODE_PORTS: std::ops::RangeInclusive<i64> = 30000..=32767;

pub(super) fn defaults(object: &mut Value) {
    let spec = below(object, "spec");
    default(spec, "type", json!("ClusterIP"));
    default(spec, "sessionAffinity", json!("None"));
    let kind = spec["type"].as_str().unwrap_or_default().to_owned();
    if spec["sessionAffinity"] == "ClientIP" {
        let config = below(below(spec, "sessionAffinityConfig"), "clientIP");
        default(config, "timeoutSeconds", json!(10_800));
    }
    for port in items(spec, "ports") {
        default(port, "protocol", json!("TCP"));
        let number = port["port"].clone();
        default(port, "targetPort", number);
        if port["targetPort"] == 0 {
            port["targetPort"] = port["port"].clone();
        }
    }
    if kind == "ExternalName" {
        return;
    }
    default(spec, "internalTrafficPolicy", json!("Cluster"));
    if kind == "NodePort" || kind == "LoadBalancer" {
        default(spec, "externalTrafficPolicy", json!("Cluster"));
    }
    if kind == "LoadBalancer" {
        default(spec, "allocateLoadBalancerNodePorts", json!(true));
    }
}

/// Keeps what was allocated, if a manifest does not name it.
pub(super) fn carry_over(old: &Value, new: &mut Value) {
    let spec = below(new, "spec");
    let kind = spec["type"].as_str().unwrap_or("ClusterIP").to_owned();
    if kind != "ExternalName" && old["spec"]["type"] != "ExternalName" {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            let value = old["spec"][field].clone();
            if !value.is_null() {
                default(spec, field, value);
            }
        }
    }
    let published = |kind: &str| matches!(kind, "NodePort" | "LoadBalancer");
    if published(&kind) && published(old["spec"]["type"].as_str().unwrap_or_default()) {
        let none = Vec::new();
        let before = old["spec"]["ports"].as_array().unwrap_or(&none);
        for port in items(spec, "ports") {
            let same = before.iter().find(|was| {
                was["port"] == port["port"]
                    && was["protocol"] == *port.get("protocol").unwrap_or(&json!("TCP"))
            });
            if let Some(number) = same.map(|was| was["nodePort"].clone()).filter(|n| !n.is_null()) {
                default(port, "nodePort", number);
            }
        }
    }
    if !published(&kind) {
        // Node ports and their policy go with the type that had them.
        for (port, was) in
            items(spec, "ports").zip(old["spec"]["ports"].as_array().into_iter().flatten())
        {
            if port["nodePort"] == was["nodePort"]
                && let Some(fields) = port.as_object_mut()
            {
                fields.remove("nodePort");
            }
        }
        if let Some(fields) = spec.as_object_mut() {
            fields.remove("externalTrafficPolicy");
            fields.remove("allocateLoadBalancerNodePorts");
        }
    }
}

/// Gives the Service its address and node ports, or checks the ones it names.
pub(super) fn allocate(
    server: &Server,
    old: Option<&Value>,
    object: &mut Value,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (services, _) = server.cluster.store().list(&Resource::core("services"), None);
    let me = (object["metadata"]["namespace"].clone(), object["metadata"]["name"].clone());
    let others: Vec<_> = services
        .iter()
        .filter(|other| {
            (&other["metadata"]["namespace"], &other["metadata"]["name"]) != (&me.0, &me.1)
        })
        .collect();
    let seed = server.cluster.options().seed ^ hash(&format!("{}/{}", me.0, me.1));
    let kind = object["spec"]["type"].as_str().unwrap_or_default().to_owned();
    if kind == "ExternalName" {
        if let Some(spec) = object["spec"].as_object_mut()
            && spec.get("clusterIP").is_some_and(|ip| *ip == "")
        {
            spec.remove("clusterIP");
        }
        return errors;
    }
    let range = server.cluster.options().service_cidr;
    let taken: Vec<&str> =
        others.iter().filter_map(|other| other["spec"]["clusterIP"].as_str()).collect();
    let spec = below(object, "spec");
    match spec["clusterIP"].as_str().unwrap_or_default().to_owned().as_str() {
        "" => match free_address(range, &taken, seed) {
            Some(address) => spec["clusterIP"] = json!(address.to_string()),
            None => errors.push(FieldError::invalid("spec.clusterIPs", json!([]), "failed to allocate IP: range is full")),
        },
        "None" => {}
        given if old.is_some_and(|old| old["spec"]["clusterIP"] == *given) => {}
        given => match given.parse::<IpAddr>() {
            Ok(address) if !range.contains(&address) => errors.push(FieldError::invalid(
                "spec.clusterIPs", json!([given]),
                format!("failed to allocate IP {given}: the provided IP ({given}) is not in the valid range. The range of valid IPs is {range}"),
            )),
            Ok(_) if taken.contains(&given) => errors.push(FieldError::invalid(
                "spec.clusterIPs", json!([given]),
                format!("failed to allocate IP {given}: provided IP is already allocated"),
            )),
            Ok(_) => {}
            Err(_) => errors.push(FieldError::invalid(
                "spec.clusterIPs[0]", json!(given),
                "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            )),
        },
    }
    spec["clusterIPs"] = json!([spec["clusterIP"]]);
    default(spec, "ipFamilies", json!([if range.addr().is_ipv4() { "IPv4" } else { "IPv6" }]));
    default(spec, "ipFamilyPolicy", json!("SingleStack"));
    if kind == "NodePort"
        || (kind == "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] != false)
    {
        let mut used: Vec<(i64, String)> = others
            .iter()
            .flat_map(|other| other["spec"]["ports"].as_array().into_iter().flatten())
            .filter_map(|port| Some((port["nodePort"].as_i64()?, protocol(port))))
            .collect();
        for (index, port) in items(spec, "ports").enumerate() {
            let wanted = port["nodePort"].as_i64().filter(|number| *number != 0);
            let field = format!("spec.ports[{index}].nodePort");
            let protocol = protocol(port);
            match wanted {
                Some(number) if !NODE_PORTS.contains(&number) => errors.push(FieldError::invalid(
                    field, number, "provided port is not in the valid range. The range of valid ports is 30000-32767",
                )),
                Some(number) if used.contains(&(number, protocol.clone())) => errors.push(
                    FieldError::invalid(field, number, "provided port is already allocated"),
                ),
                Some(number) => used.push((number, protocol)),
                None => match free_port(&used, seed.wrapping_add(index as u64)) {
                    Some(number) => {
                        port["nodePort"] = json!(number);
                        used.push((number, protocol));
                    }
                    None => errors.push(FieldError::invalid(field, 0, "failed to allocate a nodePort: range is full")),
                },
            }
        }
    }
    errors
}

fn protocol(port: &Value) -> String {
    port["protocol"].as_str().unwrap_or("TCP").to_owned()
}

/// Computes FNV-1a, which is the same on every machine and in every version.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Finds a free address, not the network's, nor the first ten (kubernetes and DNS have theirs
/// there).
pub(crate) fn free_address(range: IpNet, taken: &[&str], seed: u64) -> Option<IpAddr> {
    let hosts = 1_u128 << (range.max_prefix_len() - range.prefix_len()).min(20);
    let reserved = if hosts > 32 { 11 } else { 2 };
    let usable = hosts.saturating_sub(reserved + 1);
    let address = |offset: u128| match range.network() {
        IpAddr::V4(base) => IpAddr::V4((u32::from(base).wrapping_add(offset as u32)).into()),
        IpAddr::V6(base) => IpAddr::V6((u128::from(base).wrapping_add(offset)).into()),
    };
    (0..usable)
        .map(|step| address(reserved + (u128::from(seed) + step) % usable))
        .find(|address| !taken.contains(&address.to_string().as_str()))
}

fn free_port(used: &[(i64, String)], seed: u64) -> Option<i64> {
    let count = NODE_PORTS.end() - NODE_PORTS.start() + 1;
    (0..count)
        .map(|step| NODE_PORTS.start() + ((seed % count as u64) as i64 + step) % count)
        .find(|number| used.iter().all(|(taken, _)| taken != number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_out_of_the_range_once_each() {
        let range: IpNet = "10.96.0.0/28".parse().unwrap();
        let mut taken: Vec<String> = Vec::new();
        while let Some(address) =
            free_address(range, &taken.iter().map(String::as_str).collect::<Vec<_>>(), 7)
        {
            assert!(range.contains(&address));
            assert!(!taken.contains(&address.to_string()));
            taken.push(address.to_string());
        }
        assert_eq!(taken.len(), 13);
    }
}
