//! etcd's quorum: without it the API server answers nothing but 503. And etcd's own rules about who
//! may join and leave, with its strict reconfiguration check on, as it is by default.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use infra_sim_kube::{FaultEffect, Faults};

use super::record::Member;

/// Whether a majority of the voters runs.
pub fn has_quorum(members: &[Member], is_up: impl Fn(u64) -> bool) -> bool {
    let voters: Vec<&Member> = members.iter().filter(|m| !m.learner).collect();
    let up = voters.iter().filter(|m| is_up(m.droplet)).count();
    up * 2 > voters.len()
}

/// Why etcd refuses a change of its members, in its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MemberRefusal {
    /// A voter can't be reached.
    #[error("etcdserver: unhealthy cluster")]
    Unhealthy,
    /// Those that are left would be no majority.
    #[error("etcdserver: re-configuration failed due to not enough started members")]
    NotEnoughStarted,
    /// Another one is catching up.
    #[error("etcdserver: too many learner members in cluster")]
    TooManyLearners,
    /// No member has that number.
    #[error("etcdserver: member not found")]
    NotFound,
    /// Without a majority nothing can be agreed upon.
    #[error("etcdserver: request timed out")]
    TimedOut,
}

/// Whether a further member may come: one that catches up first.
///
/// # Errors
/// While another one catches up, or any voter can't be reached.
pub fn may_add_learner(
    members: &[Member],
    is_up: impl Fn(u64) -> bool,
) -> Result<(), MemberRefusal> {
    if !has_quorum(members, &is_up) {
        return Err(MemberRefusal::TimedOut);
    }
    if members.iter().any(|m| !m.learner && !is_up(m.droplet)) {
        return Err(MemberRefusal::Unhealthy);
    }
    if members.iter().any(|m| m.learner) {
        return Err(MemberRefusal::TooManyLearners);
    }
    Ok(())
}

/// Whether a member that has caught up may vote.
///
/// # Errors
/// Without a majority.
pub fn may_promote(members: &[Member], is_up: impl Fn(u64) -> bool) -> Result<(), MemberRefusal> {
    if has_quorum(members, is_up) { Ok(()) } else { Err(MemberRefusal::TimedOut) }
}

/// Whether a member may go. One that is down may, while there is a majority; one that runs only if
/// those that run then are a majority still.
///
/// # Errors
/// The last voter never goes; see [`MemberRefusal`].
pub fn may_remove(
    members: &[Member],
    id: u64,
    is_up: impl Fn(u64) -> bool,
) -> Result<(), MemberRefusal> {
    let Some(leaving) = members.iter().find(|m| m.id == id) else {
        return Err(MemberRefusal::NotFound);
    };
    if !has_quorum(members, &is_up) {
        return Err(MemberRefusal::TimedOut);
    }
    if leaving.learner {
        return Ok(());
    }
    let voters = members.iter().filter(|m| !m.learner).count();
    if voters == 1 {
        return Err(MemberRefusal::NotEnoughStarted);
    }
    if !is_up(leaving.droplet) {
        return Ok(());
    }
    let active = members.iter().filter(|m| !m.learner && is_up(m.droplet)).count();
    if active - 1 < 1 + (voters - 1) / 2 {
        return Err(MemberRefusal::Unhealthy);
    }
    Ok(())
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
mod tests {
    use super::*;

    fn members(learners: &[bool]) -> Vec<Member> {
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
                address: String::new(),
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

    #[test]
    fn nobody_joins_while_a_voter_is_down() {
        let three = members(&[false, false, false]);
        assert_eq!(may_add_learner(&three, |_| true), Ok(()));
        assert_eq!(may_add_learner(&three, |d| d != 2), Err(MemberRefusal::Unhealthy));
        assert_eq!(may_add_learner(&three, |d| d == 2), Err(MemberRefusal::TimedOut));
        let busy = members(&[false, true]);
        assert_eq!(may_add_learner(&busy, |_| true), Err(MemberRefusal::TooManyLearners));
        assert_eq!(may_promote(&busy, |_| true), Ok(()));
    }

    #[test]
    fn the_dead_may_be_removed_and_the_living_only_down_to_a_majority() {
        let three = members(&[false, false, false]);
        assert_eq!(may_remove(&three, 102, |_| true), Ok(()));
        assert_eq!(may_remove(&three, 102, |d| d != 2), Ok(()), "it is the dead one");
        assert_eq!(may_remove(&three, 101, |d| d != 2), Err(MemberRefusal::Unhealthy));
        assert_eq!(may_remove(&three, 102, |d| d == 1), Err(MemberRefusal::TimedOut));
        assert_eq!(may_remove(&three, 7, |_| true), Err(MemberRefusal::NotFound));
        let two = members(&[false, false]);
        assert_eq!(may_remove(&two, 102, |_| true), Ok(()));
        assert_eq!(may_remove(&two, 102, |d| d != 2), Err(MemberRefusal::TimedOut));
        let one = members(&[false, true]);
        assert_eq!(may_remove(&one, 101, |_| true), Err(MemberRefusal::NotEnoughStarted));
        assert_eq!(may_remove(&one, 102, |d| d == 1), Ok(()), "a learner never counts");
    }
}
