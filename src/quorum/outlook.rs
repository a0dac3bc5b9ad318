//! How many losses a cluster survives.

use serde::{Deserialize, Serialize};

use super::{Facts, Machine};

/// How many losses of control planes a cluster survives, now and after a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// Members that etcd lists; none before there is a cluster.
    pub members: usize,
    /// Those whose machines run.
    pub running: usize,
    /// Those that the plan switches on.
    #[serde(default)]
    pub starting: usize,
    /// So many of these may be lost, and the API server still answers.
    pub survives: usize,
    /// The same once the plan is done.
    pub survives_afterwards: usize,
}

/// Returns how many of `members` have to run.
pub(super) fn majority(members: usize) -> usize {
    members / 2 + 1
}

impl Outlook {
    /// Counts.
    pub fn of(facts: &Facts) -> Self {
        let all = &facts.control_planes;
        let stays = |one: &&super::ControlPlane| !matches!(one.fate, super::Fate::Deleted);
        let is_to_be = |one: &&super::ControlPlane| {
            one.machine != Machine::Absent || one.fate == super::Fate::Made
        };
        let afterwards = all.iter().filter(stays).filter(is_to_be).count();
        let survives_afterwards = afterwards.saturating_sub(majority(afterwards));
        if !facts.made {
            return Self { survives_afterwards, ..Self::default() };
        }
        let members = all.iter().filter(|one| one.member).count();
        let running = all.iter().filter(|one| one.member && one.machine == Machine::Runs).count();
        let survives = running.saturating_sub(majority(members));
        let starting =
            all.iter().filter(|one| one.member && one.fate == super::Fate::Starts).count();
        Self { members, running, starting, survives, survives_afterwards }
    }

    /// Returns true if too few members run for etcd to work.
    pub fn is_lost(&self) -> bool {
        self.members > 0 && self.running < majority(self.members)
    }

    /// One line for people.
    pub fn text(&self) -> String {
        let Self { members, running, starting, survives, survives_afterwards } = *self;
        let losses = |count: usize| match count {
            0 => "no loss of a control plane".to_owned(),
            1 => "the loss of 1 control plane".to_owned(),
            more => format!("the loss of {more} control planes"),
        };
        if members == 0 {
            return format!("the cluster will survive {}", losses(survives_afterwards));
        }
        let counted = format!("{running} of {members} etcd members run");
        if self.is_lost() {
            let needed = majority(members);
            let are = if needed == 1 { "is" } else { "are" };
            let until = match running + starting >= needed {
                true => " until what is off is switched on",
                false => "",
            };
            return format!("{counted}, {needed} {are} needed: quorum is lost{until}");
        }
        let now = format!("{counted}; the cluster survives {}", losses(survives));
        if survives == survives_afterwards {
            return now;
        }
        format!("{now}, afterwards {}", losses(survives_afterwards))
    }
}
