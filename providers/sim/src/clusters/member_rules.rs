//! etcd's own rules about who may join, vote and leave, with its strict reconfiguration check on, as it is
//! by default. `real_etcd.rs` holds them against a real etcd.

use axum::http::StatusCode;

use super::quorum::has_quorum;
use super::record::Member;

/// Why etcd refuses a change of its members, in its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MemberRefusal {
    /// A voter can't be reached, or too few could be afterwards.
    #[error("etcdserver: unhealthy cluster")]
    Unhealthy,
    /// Too few voters have ever started to agree with each other afterwards.
    #[error("etcdserver: re-configuration failed due to not enough started members")]
    NotEnoughStarted,
    /// Another one is catching up.
    #[error("etcdserver: too many learner members in cluster")]
    TooManyLearners,
    /// Another member has that address.
    #[error("etcdserver: Peer URLs already exists")]
    PeerExists,
    /// It votes already.
    #[error("etcdserver: can only promote a learner member")]
    NotLearner,
    /// It has not caught up.
    #[error("etcdserver: can only promote a learner member which is in sync with leader")]
    NotInSync,
    /// No member has that number.
    #[error("etcdserver: member not found")]
    NotFound,
    /// Nobody leads who could tell what the majority knows.
    #[error("etcdserver: request timed out")]
    TimedOut,
    /// Nobody leads who could promote.
    #[error("etcdserver: no leader")]
    NoLeader,
    /// The member that is asked has no vote yet, and answers nothing that a majority must know.
    #[error("etcdserver: rpc not supported for learner")]
    Learner,
    /// Another one leads.
    #[error("etcdserver: not leader")]
    NotLeader,
    /// Leadership can't be given to one without a vote, or that is no member.
    #[error("etcdserver: bad leader transferee")]
    BadTransferee,
    /// etcd waits for a majority, for as long as the client does.
    #[error("etcdserver: no answer before a majority runs again")]
    NoAnswer,
}

impl MemberRefusal {
    /// Returns gRPC's code, and the HTTP status by which the gateway stands for it.
    pub fn code(self) -> (StatusCode, u8) {
        match self {
            Self::Unhealthy | Self::TimedOut | Self::NoLeader | Self::Learner | Self::NoAnswer => {
                (StatusCode::SERVICE_UNAVAILABLE, 14)
            }
            // etcd gives this one no code of its own.
            Self::NotEnoughStarted => (StatusCode::INTERNAL_SERVER_ERROR, 2),
            Self::TooManyLearners
            | Self::PeerExists
            | Self::NotLearner
            | Self::NotInSync
            | Self::NotLeader
            | Self::BadTransferee => (StatusCode::BAD_REQUEST, 9),
            Self::NotFound => (StatusCode::NOT_FOUND, 5),
        }
    }
}

/// Returns true for a member whose etcd has started once: it has no name before.
fn has_started(member: &&Member) -> bool {
    !member.name.is_empty()
}

fn voters(members: &[Member]) -> impl Iterator<Item = &Member> {
    members.iter().filter(|member| !member.learner)
}

/// Returns true if `started` voters of `all` are a majority.
fn is_majority(started: usize, all: usize) -> bool {
    started > all / 2
}

/// Checks that the members can be listed as the majority knows them.
///
/// # Errors
/// Returns a refusal if there is no majority.
pub fn may_list(members: &[Member], is_up: impl Fn(u64) -> bool) -> Result<(), MemberRefusal> {
    if has_quorum(members, is_up) { Ok(()) } else { Err(MemberRefusal::TimedOut) }
}

/// Checks that a further member may come, with the address `peer`: as a learner that catches up first, or
/// as a voter.
///
/// # Errors
/// Returns a refusal if too few voters have started, if any can't be reached, if the address is taken, or
/// while another member catches up.
pub fn may_add(
    members: &[Member],
    peer: &str,
    learner: bool,
    is_up: impl Fn(u64) -> bool,
) -> Result<(), MemberRefusal> {
    let (all, started) = (voters(members).count(), voters(members).filter(has_started).count());
    // One that is alone may always get a second.
    let is_second = started == 1 && all == 1;
    if !learner && !is_second && !is_majority(started, all + 1) {
        return Err(MemberRefusal::NotEnoughStarted);
    }
    if voters(members).any(|member| member.name.is_empty() || !is_up(member.droplet)) {
        return Err(MemberRefusal::Unhealthy);
    }
    if members.iter().any(|member| member.address == peer) {
        return Err(MemberRefusal::PeerExists);
    }
    if learner && members.iter().any(|member| member.learner) {
        return Err(MemberRefusal::TooManyLearners);
    }
    Ok(())
}

/// Checks that a learner may vote.
///
/// # Errors
/// Returns a refusal if there is no majority, or if the member does not run or votes already.
pub fn may_promote(
    members: &[Member],
    id: u64,
    is_up: impl Fn(u64) -> bool,
) -> Result<(), MemberRefusal> {
    if !has_quorum(members, &is_up) {
        return Err(MemberRefusal::NoLeader);
    }
    match members.iter().find(|member| member.id == id) {
        None => Err(MemberRefusal::NotFound),
        Some(member) if !member.learner => Err(MemberRefusal::NotLearner),
        Some(member) if member.name.is_empty() || !is_up(member.droplet) => {
            Err(MemberRefusal::NotInSync)
        }
        Some(_) => Ok(()),
    }
}

/// Checks that the member `asked`, which `leads` or not, may give leadership to another one.
///
/// # Errors
/// Returns a refusal if it does not lead, or if the other one has no vote.
pub fn may_transfer(members: &[Member], leads: bool, target: u64) -> Result<(), MemberRefusal> {
    if !leads {
        return Err(MemberRefusal::NotLeader);
    }
    match members.iter().any(|member| member.id == target && !member.learner) {
        true => Ok(()),
        false => Err(MemberRefusal::BadTransferee),
    }
}

/// Checks that a member may go. One that is down may go while there is a majority. One that runs
/// may go only if the others that run are a majority still.
///
/// # Errors
/// Returns a refusal otherwise; the last voter never goes.
pub fn may_remove(
    members: &[Member],
    id: u64,
    is_up: impl Fn(u64) -> bool,
) -> Result<(), MemberRefusal> {
    let leaving = members.iter().find(|member| member.id == id);
    if leaving.is_none_or(|member| !member.learner) {
        let others = || voters(members).filter(|member| member.id != id);
        if !is_majority(others().filter(has_started).count(), others().count()) {
            return Err(MemberRefusal::NotEnoughStarted);
        }
        let runs = |member: &&Member| has_started(member) && is_up(member.droplet);
        let active = voters(members).filter(runs).count();
        // One that is down is no part of the majority that works.
        if leaving.as_ref().is_some_and(runs) && active - 1 <= (voters(members).count() - 1) / 2 {
            return Err(MemberRefusal::Unhealthy);
        }
    }
    if !has_quorum(members, is_up) {
        return Err(MemberRefusal::NoAnswer);
    }
    if leaving.is_some() { Ok(()) } else { Err(MemberRefusal::NotFound) }
}

#[cfg(test)]
mod tests {
    use super::super::quorum::tests::members;
    use super::*;

    #[test]
    fn nobody_joins_while_a_voter_is_down() {
        let three = members(&[false, false, false]);
        let add = |learner: bool, up: &dyn Fn(u64) -> bool| may_add(&three, "new", learner, up);
        assert_eq!(add(true, &|_| true), Ok(()));
        assert_eq!(add(true, &|d| d != 2), Err(MemberRefusal::Unhealthy));
        assert_eq!(add(false, &|d| d == 2), Err(MemberRefusal::Unhealthy));
        assert_eq!(may_add(&three, "10.0.0.2", true, |_| true), Err(MemberRefusal::PeerExists));
        let busy = members(&[false, true]);
        let refused = may_add(&busy, "new", true, |_| true);
        assert_eq!(refused, Err(MemberRefusal::TooManyLearners));
        assert_eq!(may_promote(&busy, 102, |_| true), Ok(()));
        assert_eq!(may_promote(&busy, 102, |d| d == 1), Err(MemberRefusal::NotInSync));
    }

    #[test]
    fn the_dead_may_be_removed_and_the_living_only_down_to_a_majority() {
        let three = members(&[false, false, false]);
        assert_eq!(may_remove(&three, 102, |_| true), Ok(()));
        assert_eq!(may_remove(&three, 102, |d| d != 2), Ok(()), "it is the dead one");
        assert_eq!(may_remove(&three, 101, |d| d != 2), Err(MemberRefusal::Unhealthy));
        assert_eq!(may_remove(&three, 102, |d| d == 1), Err(MemberRefusal::NoAnswer));
        assert_eq!(may_remove(&three, 7, |_| true), Err(MemberRefusal::NotFound));
        let two = members(&[false, false]);
        assert_eq!(may_remove(&two, 102, |_| true), Ok(()));
        assert_eq!(may_remove(&two, 102, |d| d != 2), Err(MemberRefusal::NoAnswer));
        let one = members(&[false, true]);
        assert_eq!(may_remove(&one, 101, |_| true), Err(MemberRefusal::NotEnoughStarted));
        assert_eq!(may_remove(&one, 102, |d| d == 1), Ok(()), "a learner never counts");
    }
}
