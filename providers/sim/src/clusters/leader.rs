//! Which of etcd's members leads. Without a leader nothing is answered that a majority must know.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use super::record::Member;
use super::running::Running;

/// How long an election takes after the leader was lost, in the cloud's time: etcd's election timeout is a second.
const ELECTION: Duration = Duration::from_millis(1_300);

/// Who leads.
#[derive(Debug, Default)]
pub(super) struct Leader {
    /// Its number.
    id: Option<u64>,
    /// Until then the others elect.
    electing_until: Option<Instant>,
}

impl Leader {
    /// Looks who leads, now that `members` are these. One that leads goes on while it can. Returns true if the
    /// others have to elect another one first.
    fn look(
        &mut self,
        members: &[Member],
        is_up: impl Fn(u64) -> bool,
        election: Duration,
    ) -> bool {
        let may_lead =
            |member: &&Member| !member.learner && !member.name.is_empty() && is_up(member.droplet);
        let leads = members.iter().filter(may_lead).any(|member| Some(member.id) == self.id);
        if leads {
            return false;
        }
        let next = members.iter().find(may_lead).map(|member| member.id);
        let was_lost = self.id.is_some() && next.is_some();
        self.id = next;
        if was_lost {
            self.electing_until = Some(Instant::now() + election);
        }
        was_lost
    }

    fn is_elected(&self) -> bool {
        self.electing_until.is_none_or(|until| Instant::now() >= until)
    }
}

impl Running {
    fn leading(&self) -> std::sync::MutexGuard<'_, Leader> {
        self.leader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks who leads, and returns true if somebody does.
    pub(super) fn has_leader(&self, members: &[Member]) -> bool {
        let election = ELECTION.div_f64(self.sim.clock.speed());
        let mut leader = self.leading();
        if leader.look(members, |droplet| self.etcd_answers(droplet), election) {
            tracing::info!("etcd's leader was lost; the others elect");
        }
        leader.is_elected()
    }

    /// Returns the number of the member that leads; `None` while the others elect.
    pub(super) fn leader(&self) -> Option<u64> {
        let leader = self.leading();
        leader.id.filter(|_| leader.is_elected())
    }

    /// Lets the member `id` lead, without an election.
    pub(super) fn hand_over(&self, id: u64) {
        self.leading().id = Some(id);
    }
}

#[cfg(test)]
mod tests {
    use super::super::quorum::tests::members;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_a_leader_that_is_lost_costs_an_election() {
        let mut three = members(&[false, false, true]);
        let mut leader = Leader::default();
        assert!(!leader.look(&three, |_| true, ELECTION), "the first one leads at once");
        assert_eq!(leader.id, Some(three[0].id));
        leader.id = Some(three[1].id);
        three.remove(0);
        assert!(!leader.look(&three, |_| true, ELECTION), "another one has left");
        three.remove(0);
        assert!(!leader.look(&three, |_| true, ELECTION), "a learner does not lead");
        assert_eq!(leader.id, None);

        let two = members(&[false, false]);
        leader.look(&two, |_| true, ELECTION);
        assert!(leader.look(&two, |droplet| droplet != 1, ELECTION));
        assert!(!leader.is_elected());
        tokio::time::advance(ELECTION).await;
        assert!(leader.is_elected());
        assert_eq!(leader.id, Some(two[1].id));
    }
}
