//! How GKE names what it makes for a pool.

use sha2::{Digest, Sha256};

use crate::world::{GkeCluster, GkePool, State, mix};

/// So much of a cluster's and a pool's name is in the names of its groups.
const PART_MAX: usize = 16;
/// What the last four characters of an instance's name are made of.
const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Returns the begin of the names of a pool's instances in a zone: each zone has its own group.
pub fn base(cluster: &GkeCluster, pool: &GkePool, zone: &str) -> String {
    let part = |name: &str| name.chars().take(PART_MAX).collect::<String>();
    let digest = Sha256::digest(format!("{}/{zone}", pool.hash));
    let hash = hex::encode(&digest[..4]);
    format!("gke-{}-{}-{hash}", part(&cluster.name), part(&pool.name))
}

/// Returns the name of a pool's group in a zone.
pub fn group(cluster: &GkeCluster, pool: &GkePool, zone: &str) -> String {
    format!("{}-grp", base(cluster, pool, zone))
}

/// Makes a name for a new instance that no other one has.
pub fn new_instance(w: &mut State, base: &str) -> String {
    loop {
        let number = w.counters.next_order();
        let mut left = mix(w.counters.seed, base, number);
        let tail: String = (0..4)
            .map(|_| {
                let letter = LETTERS[usize::try_from(left % 36).unwrap_or(0)];
                left /= 36;
                char::from(letter)
            })
            .collect();
        let name = format!("{base}-{tail}");
        if w.instances.by_name(&name).next().is_none() {
            return name;
        }
    }
}

/// Returns true if a name is one that an instance can have: RFC 1035, at most 63 characters.
pub fn is_valid(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(fits)
}
