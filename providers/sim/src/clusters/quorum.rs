//! etcd's quorum: without it the API server answers nothing but 503.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use infra_sim_kube::{FaultEffect, Faults};

use super::record::Member;

/// Returns true if a majority of the voters runs.
pub fn has_quorum(members: &[Member], is_up: impl Fn(u64) -> bool) -> bool {
    let voters: Vec<&Member> = members.iter().filter(|m| !m.learner).collect();
    let up = voters.iter().filter(|m| is_up(m.droplet)).count();
    up * 2 > voters.len()
}

/// The faults that were set, and those of a cluster without quorum.
pub struct QuorumFaults {
    /// The faults that were set.
    pub inner: Arc<dyn Faults>,
    /// Whether a majority of the voters runs.
    pub quorum: Arc<AtomicBool>,
}

impl Faults for QuorumFaults {
    fn next(&self, method: &str, path: &str, peer: Option<SocketAddr>) -> Option<FaultEffect> {
        // The process itself is alive; it just can't reach a leader.
        if !self.quorum.load(Ordering::Relaxed) && path != "/livez/ping" && path != "/version" {
            return Some(FaultEffect::Status { code: 503, retry_after_s: None });
        }
        self.inner.next(method, path, peer)
    }

    fn kill(&self, pid: u32) {
        self.inner.kill(pid);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::clusters) fn members(learners: &[bool]) -> Vec<Member> {
        learners
            .iter()
            .zip(1u64..)
            .map(|(learner, droplet)| Member {
                droplet,
                port: 6443,
                socket: None,
                cert_pem: String::new(),
                key_pem: String::new(),
                learner: *learner,
                id: droplet + 100,
                name: format!("control-plane-{droplet}"),
                address: format!("10.0.0.{droplet}"),
                version: String::new(),
            })
            .collect()
    }

    #[test]
    fn a_majority_of_voters_has_to_run() {
        let three = members(&[false, false, false]);
        assert!(has_quorum(&three, |d| d != 1));
        assert!(!has_quorum(&three, |d| d == 1));
        let two = members(&[false, false]);
        assert!(!has_quorum(&two, |d| d == 1), "two members bear no loss");
    }

    #[test]
    fn learners_do_not_count() {
        let m = members(&[false, true]);
        assert!(has_quorum(&m, |d| d == 1));
        assert!(!has_quorum(&m, |d| d == 2));
        assert!(!has_quorum(&[], |_| true));
    }
}
