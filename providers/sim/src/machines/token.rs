//! What a machine proves itself with to the control API.

use sha2::{Digest, Sha256};

use crate::sim::Sim;

/// Returns the token of a machine. It follows from the account's token, so nothing has to be kept.
pub fn of(sim: &Sim, droplet: u64) -> String {
    let mut digest = Sha256::new();
    digest.update(b"machine\0");
    digest.update(sim.endpoint.token.as_bytes());
    digest.update(droplet.to_be_bytes());
    hex::encode(digest.finalize())
}

/// Returns true if `given` is the token of this machine; it takes the same time wherever they
/// differ.
pub fn matches(sim: &Sim, droplet: u64, given: &str) -> bool {
    let wanted = of(sim, droplet);
    wanted.len() == given.len()
        && wanted.bytes().zip(given.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
