//! What kubeadm checks of a configuration before it does anything.

use std::net::IpAddr;

use super::types::{ApiEndpoint, ClusterConfiguration, InitConfiguration, JoinConfiguration};
use crate::stand_in::Failure;
use crate::stand_in::values::{Version, duration};

/// Checks the documents of `kubeadm init`.
pub fn init(init: &InitConfiguration, cluster: &ClusterConfiguration) -> Result<(), Failure> {
    let mut errors = Vec::new();
    for token in &init.bootstrap_tokens {
        check_token(&mut errors, "bootstrapTokens.token", &token.token);
        if token.ttl.is_some() && token.expires.is_some() {
            errors.push("bootstrapTokens: ttl and expires are mutually exclusive".to_owned());
        }
        check_duration(&mut errors, "bootstrapTokens.ttl", token.ttl.as_deref());
        if let Some(at) = &token.expires
            && at.parse::<jiff::Timestamp>().is_err()
        {
            errors.push(format!("bootstrapTokens.expires: Invalid value: {at:?}"));
        }
    }
    check_endpoint(&mut errors, &init.local_api_endpoint);
    if Version::parse(&cluster.kubernetes_version).is_none() {
        errors.push(format!(
            "kubernetesVersion: Invalid value: {:?}: version must look like v1.34.1 (there is no network to look up another)",
            cluster.kubernetes_version
        ));
    }
    for (field, value) in [
        ("networking.serviceSubnet", &cluster.networking.service_subnet),
        ("networking.podSubnet", &cluster.networking.pod_subnet),
    ] {
        for net in value.split(',').filter(|v| !v.is_empty()) {
            if net.parse::<ipnet::IpNet>().is_err() {
                errors.push(format!("{field}: Invalid value: {net:?}: couldn't parse subnet"));
            }
        }
    }
    for san in &cluster.api_server.cert_sans {
        if san.parse::<IpAddr>().is_err() && !is_dns_name(san) {
            errors.push(format!(
                "apiServer.certSANs: Invalid value: {san:?}: altname is not a valid IP address, DNS label or a DNS label with subdomain wildcards"
            ));
        }
    }
    if !matches!(
        cluster.encryption_algorithm.as_str(),
        "" | "RSA-2048" | "RSA-3072" | "RSA-4096" | "ECDSA-P256" | "ECDSA-P384"
    ) {
        errors.push(format!(
            "encryptionAlgorithm: Invalid value: {:?}: supported values: \"RSA-2048\", \"RSA-3072\", \"RSA-4096\", \"ECDSA-P256\", \"ECDSA-P384\"",
            cluster.encryption_algorithm
        ));
    }
    if let Some(etcd) = &cluster.etcd {
        match (&etcd.local, &etcd.external) {
            (Some(_), Some(_)) => {
                errors.push("etcd: external and local are mutually exclusive".to_owned());
            }
            (None, Some(_)) => errors.push(
                "etcd.external: an external etcd is not modelled by the embedded cloud".to_owned(),
            ),
            _ => {}
        }
    }
    check_duration(
        &mut errors,
        "certificateValidityPeriod",
        cluster.certificate_validity_period.as_deref(),
    );
    check_duration(
        &mut errors,
        "caCertificateValidityPeriod",
        cluster.ca_certificate_validity_period.as_deref(),
    );
    check_timeouts(&mut errors, &init.timeouts);
    finish(errors)
}

/// Checks the document of `kubeadm join`.
pub fn join(join: &JoinConfiguration) -> Result<(), Failure> {
    let mut errors = Vec::new();
    match (&join.discovery.bootstrap_token, &join.discovery.file) {
        (Some(_), Some(_)) => {
            errors.push("discovery: bootstrapToken and file are mutually exclusive".to_owned());
        }
        (None, None) => errors.push("discovery: bootstrapToken or file must be set".to_owned()),
        (None, Some(_)) => errors.push(
            "discovery.file: file discovery is not modelled by the embedded cloud".to_owned(),
        ),
        (Some(token), None) => {
            check_token(&mut errors, "discovery.bootstrapToken.token", &token.token);
            if token.api_server_endpoint.is_empty() {
                errors.push(
                    "discovery.bootstrapToken: Required value: APIServerEndpoint is not set"
                        .to_owned(),
                );
            }
            if token.ca_cert_hashes.is_empty() && !token.unsafe_skip_ca_verification {
                errors.push("discovery.bootstrapToken: using token-based discovery without caCertHashes can be unsafe. Set unsafeSkipCAVerification as true in your kubeadm config file to continue".to_owned());
            }
            for hash in &token.ca_cert_hashes {
                let valid = hash
                    .strip_prefix("sha256:")
                    .is_some_and(|h| h.len() == 64 && h.bytes().all(|b| b.is_ascii_hexdigit()));
                if !valid {
                    errors.push(format!("discovery.bootstrapToken.caCertHashes: Invalid value: {hash:?}: must be sha256:<64 hex digits>"));
                }
            }
        }
    }
    if let Some(plane) = &join.control_plane {
        check_endpoint(&mut errors, &plane.local_api_endpoint);
    }
    check_timeouts(&mut errors, &join.timeouts);
    finish(errors)
}

fn finish(errors: Vec<String>) -> Result<(), Failure> {
    match errors.len() {
        0 => Ok(()),
        1 => Err(Failure::new(errors.concat())),
        _ => Err(Failure::new(format!("[{}]", errors.join(", ")))),
    }
}

fn check_token(errors: &mut Vec<String>, field: &str, token: &str) {
    let part = |p: &str, n| {
        p.len() == n && p.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
    };
    let valid = token.split_once('.').is_some_and(|(id, secret)| part(id, 6) && part(secret, 16));
    if !valid {
        // The value itself is a secret.
        errors.push(format!(
            "{field}: Invalid value: the bootstrap token is not of the form \"\\A([a-z0-9]{{6}})\\.([a-z0-9]{{16}})\\z\""
        ));
    }
}

fn check_endpoint(errors: &mut Vec<String>, endpoint: &ApiEndpoint) {
    let address = &endpoint.advertise_address;
    if !address.is_empty() && address.parse::<IpAddr>().is_err() {
        errors
            .push(format!("localAPIEndpoint: Invalid value: {address:?}: ip address is not valid"));
    }
}

fn check_duration(errors: &mut Vec<String>, field: &str, value: Option<&str>) {
    if let Some(value) = value
        && duration(value).is_none()
    {
        errors.push(format!("{field}: Invalid value: time: invalid duration {value:?}"));
    }
}

fn check_timeouts(errors: &mut Vec<String>, t: &super::types::Timeouts) {
    for (name, value) in [
        ("controlPlaneComponentHealthCheck", &t.control_plane_component_health_check),
        ("kubeletHealthCheck", &t.kubelet_health_check),
        ("kubernetesAPICall", &t.kubernetes_api_call),
        ("etcdAPICall", &t.etcd_api_call),
        ("tlsBootstrap", &t.tls_bootstrap),
        ("discovery", &t.discovery),
        ("upgradeManifests", &t.upgrade_manifests),
    ] {
        check_duration(errors, &format!("timeouts.{name}"), value.as_deref());
    }
}

fn is_dns_name(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() || b == b'-')
        })
}
