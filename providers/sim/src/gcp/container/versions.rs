//! The versions of Kubernetes that GKE offers, and what its channels make of them.

use serde_json::{Value, json};

use crate::gcp::http::Refusal;

/// Offered versions of control planes, newest first.
const MASTERS: [&str; 10] = [
    "1.36.2-gke.1043000",
    "1.36.1-gke.1260000",
    "1.35.4-gke.1102000",
    "1.35.3-gke.1389000",
    "1.34.6-gke.1122000",
    "1.34.5-gke.1076000",
    "1.34.3-gke.1245000",
    "1.33.10-gke.1018000",
    "1.33.9-gke.1060000",
    "1.33.8-gke.1112000",
];
/// Older ones that nodes may still have.
const OLD_NODES: [&str; 3] = ["1.32.13-gke.1059000", "1.31.14-gke.1188000", "1.30.14-gke.1150000"];

/// The channels with their default version and their newest minor.
const CHANNELS: [(&str, &str, u32); 4] = [
    ("RAPID", "1.36.2-gke.1043000", 36),
    ("REGULAR", "1.35.4-gke.1102000", 36),
    ("STABLE", "1.34.5-gke.1076000", 35),
    ("EXTENDED", "1.35.4-gke.1102000", 36),
];
/// What `-` and no channel stand for.
const DEFAULT: &str = "1.35.4-gke.1102000";

/// The numbers of a version: major, minor, patch, and that behind `-gke.`.
pub fn numbers(version: &str) -> [u64; 4] {
    let mut parts = version.split(['.', '-']).filter(|part| *part != "gke");
    std::array::from_fn(|_| parts.next().and_then(|part| part.parse().ok()).unwrap_or(0))
}

fn minor(version: &str) -> u64 {
    numbers(version)[1]
}

/// Lists the versions of a channel, newest first; those of all without one.
pub fn of_channel(channel: &str) -> Vec<&'static str> {
    let newest = CHANNELS.iter().find(|(name, ..)| *name == channel).map(|(_, _, newest)| *newest);
    let newest = newest.map_or(u64::MAX, u64::from);
    MASTERS.into_iter().filter(|version| minor(version) <= newest).collect()
}

/// Returns the default version of a channel.
pub fn default_of(channel: &str) -> &'static str {
    CHANNELS.iter().find(|(name, ..)| *name == channel).map_or(DEFAULT, |(_, version, _)| version)
}

/// Finds the version that an alias stands for: `latest`, `-`, `1.X`, `1.X.Y`, or one in full.
pub fn resolve(wanted: &str, channel: &str) -> Option<&'static str> {
    let offered = of_channel(channel);
    match wanted {
        "" | "-" => Some(default_of(channel)),
        "latest" => offered.first().copied(),
        _ => {
            let begins = [format!("{wanted}."), format!("{wanted}-")];
            let mut all = offered.into_iter();
            all.find(|one| *one == wanted || begins.iter().any(|begin| one.starts_with(begin)))
        }
    }
}

/// Finds the version of a cluster's control plane.
///
/// # Errors
/// Returns 400 in GKE's words if it is not offered.
pub fn master(wanted: &str, channel: &str) -> Result<&'static str, Refusal> {
    resolve(wanted, channel).ok_or_else(|| {
        let place = match channel {
            "UNSPECIFIED" => "No valid versions with the prefix".to_owned(),
            channel => format!("Version \"{wanted}\" is not valid for release channel {channel}: no valid versions with the prefix"),
        };
        Refusal::invalid(format!("{place} \"{wanted}\" found."))
    })
}

/// Finds the version of nodes, which is never newer than the control plane's.
///
/// # Errors
/// Returns 400 in GKE's words if it is not offered, or too new.
pub fn node(wanted: &str, master: &str) -> Result<String, Refusal> {
    if wanted.is_empty() || wanted == "-" || wanted == "latest" || wanted == master {
        return Ok(master.to_owned());
    }
    let begins = [format!("{wanted}."), format!("{wanted}-")];
    let matches = |one: &str| one == wanted || begins.iter().any(|b| one.starts_with(b));
    if matches(master) {
        return Ok(master.to_owned());
    }
    let mut all = MASTERS.into_iter().chain(OLD_NODES);
    let Some(found) = all.find(|one| matches(one)) else {
        return Err(Refusal::invalid(format!("Version \"{wanted}\" is invalid.")));
    };
    if numbers(found) > numbers(master) {
        return Err(Refusal::invalid(format!(
            "Node version \"{found}\" must not be greater than master version \"{master}\"."
        )));
    }
    if minor(found) + 3 < minor(master) {
        return Err(Refusal::invalid(format!(
            "Node version \"{found}\" is too old for master version \"{master}\"."
        )));
    }
    Ok(found.to_owned())
}

/// Returns the version that a channel would move a control plane to by itself, if there is a newer one.
pub fn next(version: &str, channel: &str) -> Option<&'static str> {
    let newer = |one: &&&str| numbers(one) > numbers(version) && minor(one) <= minor(version) + 1;
    let all = of_channel(channel);
    all.iter().rev().find(newer).copied()
}

/// Answers `serverConfig`.
pub fn server_config() -> Value {
    let nodes: Vec<&str> = MASTERS.into_iter().chain(OLD_NODES).collect();
    let channels: Vec<Value> = CHANNELS
        .iter()
        .map(|(name, default, _)| {
            json!({"channel": name, "defaultVersion": default, "validVersions": of_channel(name),
                "upgradeTargetVersion": default})
        })
        .collect();
    json!({
        "channels": channels,
        "defaultClusterVersion": DEFAULT,
        "defaultImageType": "COS_CONTAINERD",
        "validImageTypes": ["COS_CONTAINERD", "UBUNTU_CONTAINERD", "WINDOWS_LTSC_CONTAINERD"],
        "validMasterVersions": MASTERS,
        "validNodeVersions": nodes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_stand_for_the_newest_of_their_kind() {
        assert_eq!(resolve("1.34", "UNSPECIFIED"), Some("1.34.6-gke.1122000"));
        assert_eq!(resolve("1.34.5", "STABLE"), Some("1.34.5-gke.1076000"));
        assert_eq!(resolve("1.36.1-gke.1260000", "RAPID"), Some("1.36.1-gke.1260000"));
        assert_eq!(resolve("-", "STABLE"), Some("1.34.5-gke.1076000"));
        assert_eq!(resolve("latest", "STABLE"), Some("1.35.4-gke.1102000"));
        assert!(resolve("1.3", "RAPID").is_none() && resolve("1.36", "STABLE").is_none());
    }

    #[test]
    fn nodes_are_never_newer_than_the_control_plane() {
        let master = "1.35.3-gke.1389000";
        assert_eq!(node("", master).unwrap(), master);
        assert_eq!(node("1.35", master).unwrap(), master);
        assert_eq!(node("1.34.5", master).unwrap(), "1.34.5-gke.1076000");
        assert!(node("1.36.1", master).is_err() && node("1.30", "1.34.5-gke.1076000").is_err());
    }

    #[test]
    fn a_channel_moves_one_step_at_a_time() {
        assert_eq!(next("1.33.8-gke.1112000", "REGULAR"), Some("1.33.9-gke.1060000"));
        assert_eq!(next("1.36.2-gke.1043000", "RAPID"), None);
        assert!(numbers("1.33.10-gke.1018000") > numbers("1.33.9-gke.1060000"));
    }
}
