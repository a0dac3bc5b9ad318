//! Whether a plan may do what it does to the control planes.

use super::{ControlPlane, Facts, Fate, Machine, Outlook, Refusal};

/// Decides about a plan.
///
/// # Errors
/// Returns the reason for which the plan is refused.
pub fn judge(facts: &Facts) -> Result<Outlook, Refusal> {
    let outlook = Outlook::of(facts);
    if facts.destroys_all {
        return Ok(outlook);
    }
    if !facts.role_changes.is_empty() {
        return Err(Refusal::Roles(facts.role_changes.clone()));
    }
    if !facts.made {
        return Ok(outlook);
    }
    let scene = Scene::of(facts);
    if scene.members.is_empty() {
        // The state has none: these are the remains of a destroy that was interrupted.
        let made: Vec<&ControlPlane> = scene.making.clone();
        return if made.is_empty() { Ok(outlook) } else { scene.is_known(&made).map(|()| outlook) };
    }
    scene.is_consistent()?;
    scene.may_all_go()?;
    scene.has_quorum()?;
    scene.is_one_at_a_time()?;
    scene.may_go()?;
    scene.may_join()?;
    Ok(outlook)
}

/// The control planes by what matters.
struct Scene<'a> {
    facts: &'a Facts,
    /// Those that etcd counts the votes of.
    voters: Vec<&'a ControlPlane>,
    /// Those that etcd lists.
    members: Vec<&'a ControlPlane>,
    /// Members without a machine.
    dead: Vec<&'a ControlPlane>,
    /// Machines that exist and that the plan takes away.
    going: Vec<&'a ControlPlane>,
    /// Machines that the plan makes, where there is none or in place of one.
    making: Vec<&'a ControlPlane>,
    /// Members that are off or silent, and that the plan neither takes away nor switches on.
    off: Vec<&'a ControlPlane>,
}

fn names(of: &[&ControlPlane]) -> Vec<String> {
    of.iter().map(|one| one.name.clone()).collect()
}

impl<'a> Scene<'a> {
    fn of(facts: &'a Facts) -> Self {
        let all = |keep: &dyn Fn(&ControlPlane) -> bool| {
            facts.control_planes.iter().filter(|one| keep(one)).collect::<Vec<_>>()
        };
        Self {
            facts,
            voters: all(&ControlPlane::votes),
            members: all(&|one| one.member),
            dead: all(&ControlPlane::is_dead),
            going: all(&ControlPlane::goes),
            making: all(&|one| matches!(one.fate, Fate::Made | Fate::Replaced)),
            off: all(&|one| {
                one.member && !one.is_dead() && !one.works() && one.fate == Fate::Stays
            }),
        }
    }

    /// Checks that no member is taken out whose machine stays.
    fn is_consistent(&self) -> Result<(), Refusal> {
        let stays = |one: &&&ControlPlane| {
            one.machine != Machine::Absent && matches!(one.fate, Fate::Stays | Fate::Starts)
        };
        match self.members.iter().filter(stays).find(|one| one.removed_first) {
            Some(one) => Err(Refusal::Mismatch { name: one.name.clone() }),
            None => Ok(()),
        }
    }

    /// Checks that a control plane stays to keep the data, unless the user has given it up by name.
    fn may_all_go(&self) -> Result<(), Refusal> {
        let stays = |one: &&&ControlPlane| !one.goes() && !one.is_dead();
        let going: Vec<&ControlPlane> =
            self.going.iter().filter(|one| one.votes()).copied().collect();
        if going.is_empty() || self.voters.iter().any(|one| stays(&one)) {
            return Ok(());
        }
        if going.iter().all(|one| one.succeeded || self.facts.may_lose.contains(&one.name)) {
            return Ok(());
        }
        match going[..] {
            [only] if self.voters.len() == 1 => {
                Err(Refusal::OnlyOne { name: only.name.clone(), off: only.machine == Machine::Off })
            }
            _ => Err(Refusal::All(names(&going))),
        }
    }

    /// Checks that etcd has quorum. Without it nothing can be repaired but by switching on what is
    /// off.
    fn has_quorum(&self) -> Result<(), Refusal> {
        if self.is_given_up() {
            return Ok(());
        }
        // The members are what a majority has just said, so those that do not answer are not the reason.
        let will_run = |one: &&&ControlPlane| {
            one.works() || one.machine == Machine::Silent || one.fate == Fate::Starts
        };
        let running: Vec<&ControlPlane> = self.voters.iter().filter(will_run).copied().collect();
        let missing: Vec<&ControlPlane> =
            self.voters.iter().filter(|one| !will_run(one)).copied().collect();
        if running.len() >= super::outlook::majority(self.voters.len()) {
            return Ok(());
        }
        Err(Refusal::Lost {
            members: self.voters.len(),
            running: names(&running),
            missing: names(&missing),
        })
    }

    /// Returns true if the user has given up the data of every member.
    fn is_given_up(&self) -> bool {
        let given = |one: &&ControlPlane| self.facts.may_lose.contains(&one.name);
        !self.going.is_empty() && self.members.iter().all(given)
    }

    fn is_one_at_a_time(&self) -> Result<(), Refusal> {
        if self.is_given_up() {
            return Ok(());
        }
        let replaced = self.going.iter().filter(|one| one.fate == Fate::Replaced).count();
        let others = self.making.len() + self.dead.len() > 1 || self.going.len() > 1;
        // One in whose place another joins first is rotated.
        let rotated = self.going.iter().filter(|one| one.succeeded && one.member).count();
        if replaced > 0 && others || rotated > 0 && (self.going.len() > 1 || self.making.len() > 1)
        {
            let mut all = names(&self.dead);
            all.extend(names(&self.making));
            all.extend(names(&self.going));
            let mut once: Vec<String> = Vec::new();
            for name in all {
                if !once.contains(&name) {
                    once.push(name);
                }
            }
            return Err(Refusal::Several(once));
        }
        Ok(())
    }

    /// Checks that a running member goes only while all that stay run, too.
    fn may_go(&self) -> Result<(), Refusal> {
        if self.is_given_up() {
            return Ok(());
        }
        let members: Vec<&ControlPlane> =
            self.going.iter().filter(|one| one.member).copied().collect();
        if members.is_empty() {
            return Ok(());
        }
        self.is_known(&members)?;
        let mut down = names(&self.dead);
        // What the plan waits for first is no member that is missing then.
        down.extend(self.off.iter().filter(|one| !one.awaited).map(|one| one.name.clone()));
        let starting = self.members.iter().filter(|one| one.fate == Fate::Starts);
        down.extend(starting.map(|one| one.name.clone()));
        if !down.is_empty() {
            return Err(Refusal::OthersDown { going: names(&members), down });
        }
        let joins = |one: &&&ControlPlane| one.member && one.learner && !one.goes();
        let joining: Vec<&ControlPlane> = self.members.iter().filter(joins).copied().collect();
        // What waits for the one that joins goes after it has a vote.
        if !joining.is_empty() && members.iter().any(|one| one.votes() && !one.succeeded) {
            return Err(Refusal::StillJoins { going: names(&members), joining: names(&joining) });
        }
        are_removed_first(&members)
    }

    /// Checks that a member joins only while all others run, as etcd demands. A dead one is removed
    /// first.
    fn may_join(&self) -> Result<(), Refusal> {
        if self.making.is_empty() || self.is_given_up() {
            return Ok(());
        }
        if !self.dead.is_empty() {
            self.is_known(&self.dead)?;
            are_removed_first(&self.dead)?;
        }
        // One that goes only after another has joined is still listed while that joins.
        let stays_until = |one: &&&ControlPlane| one.member && one.succeeded && !one.works();
        let mut down = names(&self.off);
        down.extend(self.going.iter().filter(stays_until).map(|one| one.name.clone()));
        if down.is_empty() {
            return Ok(());
        }
        Err(Refusal::JoinsWhileDown { joining: names(&self.making), down })
    }

    fn is_known(&self, about: &[&ControlPlane]) -> Result<(), Refusal> {
        match &self.facts.unread {
            Some(reason) => {
                let starting = self.members.iter().filter(|one| one.fate == Fate::Starts);
                Err(Refusal::Unread {
                    reason: reason.clone(),
                    names: names(about),
                    off: starting.map(|one| one.name.clone()).collect(),
                })
            }
            None => Ok(()),
        }
    }
}

fn are_removed_first(of: &[&ControlPlane]) -> Result<(), Refusal> {
    let listed: Vec<&ControlPlane> = of.iter().filter(|one| !one.removed_first).copied().collect();
    if listed.is_empty() { Ok(()) } else { Err(Refusal::Listed(names(&listed))) }
}
