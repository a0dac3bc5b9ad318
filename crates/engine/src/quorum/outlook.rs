//! How many losses a cluster survives.

use serde::{Deserialize, Serialize};

use super::{Facts, Machine};

/// How many losses of control planes a cluster survives, now and after a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// Members whose votes etcd counts; none before there is a cluster.
    pub members: usize,
    /// Those whose machines run and that answer.
    pub running: usize,
    /// Those whose machines run, and whose etcd does not answer.
    #[serde(default, skip_serializing_if = "is_none")]
    pub silent: usize,
    /// Those that the plan switches on.
    #[serde(default)]
    pub starting: usize,
    /// etcd could not be asked: the members are those of the last look at it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
    /// So many of these may be lost, and the API server still answers. Nothing is known without etcd.
    pub survives: Option<usize>,
    /// The same once the plan is done.
    pub survives_afterwards: Option<usize>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none(count: &usize) -> bool {
    *count == 0
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
        // A plan does not make one answer that it leaves alone.
        let is_left_silent = |one: &&super::ControlPlane| {
            one.machine == Machine::Silent && one.fate == super::Fate::Stays
        };
        let working = afterwards - all.iter().filter(stays).filter(is_left_silent).count();
        let survives_afterwards = working.saturating_sub(majority(afterwards));
        if !facts.made {
            return Self { survives_afterwards: Some(survives_afterwards), ..Self::default() };
        }
        let members = all.iter().filter(|one| one.votes()).count();
        let running = all.iter().filter(|one| one.votes() && one.works()).count();
        let is_silent = |one: &&super::ControlPlane| one.votes() && one.machine == Machine::Silent;
        let silent = all.iter().filter(is_silent).count();
        let survives = running.saturating_sub(majority(members));
        let starting =
            all.iter().filter(|one| one.votes() && one.fate == super::Fate::Starts).count();
        let unread = facts.unread.is_some();
        // A machine that runs is not a member that works.
        let known = |count| Some(count).filter(|_| !unread);
        let (survives, survives_afterwards) = (known(survives), known(survives_afterwards));
        Self { members, running, silent, starting, unread, survives, survives_afterwards }
    }

    /// Returns true if too few members run for etcd to work.
    pub fn is_lost(&self) -> bool {
        // Members that do not answer are among those that a majority has listed.
        self.members > 0 && self.running + self.silent < majority(self.members)
    }

    /// Describes the outlook in one line for people.
    pub fn text(&self) -> String {
        let Self { members, running, silent, starting, unread, survives, survives_afterwards } =
            *self;
        let losses = |count: Option<usize>| match count {
            None => "an unknown number of losses".to_owned(),
            Some(0) => "no loss of a control plane".to_owned(),
            Some(1) => "the loss of 1 control plane".to_owned(),
            Some(more) => format!("the loss of {more} control planes"),
        };
        if members == 0 {
            return format!("the cluster will survive {}", losses(survives_afterwards));
        }
        let counted = match silent {
            0 => format!("{running} of {members} etcd members run"),
            1 => format!("{running} of {members} etcd members run, 1 does not answer"),
            more => format!("{running} of {members} etcd members run, {more} do not answer"),
        };
        if self.is_lost() {
            let needed = majority(members);
            let are = if needed == 1 { "is" } else { "are" };
            let until = match running + starting >= needed {
                true => " until what is off is switched on",
                false => "",
            };
            return format!("{counted}, {needed} {are} needed: quorum is lost{until}");
        }
        if unread {
            return format!(
                "unknown, etcd cannot be asked; the machines of {running} of {members} members run"
            );
        }
        let now = format!("{counted}; the cluster survives {}", losses(survives));
        if survives == survives_afterwards {
            return now;
        }
        format!("{now}, afterwards {}", losses(survives_afterwards))
    }
}
