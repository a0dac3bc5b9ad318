//! What is known of the control planes, and what a plan does to them.

use infra_provider_api::{Role, Source};

/// What is known of the control planes, and what a plan does to them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Those that are declared, that etcd lists, or whose machines exist.
    pub control_planes: Vec<ControlPlane>,
    /// Why etcd's members can't be read now. `member` then says what the state says.
    pub unread: Option<String>,
    /// The cluster has been made: etcd holds its data.
    pub made: bool,
    /// The plan deletes everything.
    pub destroys_all: bool,
    /// Names of control planes whose data may be lost, as the user has typed them.
    pub may_lose: Vec<String>,
    /// Machines that shall do what they were not made for.
    pub role_changes: Vec<RoleChange>,
}

/// One control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlane {
    /// The name of its machine and Node.
    pub name: String,
    /// Its machine as it is now.
    pub machine: Machine,
    /// etcd lists it.
    pub member: bool,
    /// etcd lists it and has not given it a vote yet: it holds no part of the quorum.
    pub learner: bool,
    /// What the plan does to its machine.
    pub fate: Fate,
    /// The plan takes it out of etcd's list before its machine goes or is made.
    pub removed_first: bool,
    /// The plan takes it away only after another control plane, which it makes or waits for, votes in etcd.
    pub succeeded: bool,
    /// The plan takes another one away only after this one votes and answers.
    pub awaited: bool,
}

/// How a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// It runs, or is about to.
    Runs,
    /// It exists and does not run.
    Off,
    /// It runs, and its etcd does not answer.
    Silent,
    /// There is none.
    Absent,
}

/// What a plan does to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing that matters here.
    Stays,
    /// It is switched on.
    Starts,
    /// It is created where there is none.
    Made,
    /// It is deleted and created again.
    Replaced,
    /// It is deleted.
    Deleted,
}

/// A machine that shall do what it was not made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleChange {
    /// The machine.
    pub name: String,
    /// Its pool.
    pub pool: String,
    /// What it was made for.
    pub was: Role,
    /// What infra.toml makes of it.
    pub becomes: Role,
    /// Where its pool is.
    pub source: Option<Source>,
}

impl ControlPlane {
    /// Makes a member that runs and that the plan leaves alone.
    pub fn running(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            machine: Machine::Runs,
            member: true,
            learner: false,
            fate: Fate::Stays,
            removed_first: false,
            succeeded: false,
            awaited: false,
        }
    }

    /// Returns true if its machine exists and the plan takes it away.
    pub fn goes(&self) -> bool {
        self.machine != Machine::Absent && matches!(self.fate, Fate::Replaced | Fate::Deleted)
    }

    /// Returns true if etcd counts its vote, whether it runs or not.
    pub fn votes(&self) -> bool {
        self.member && !self.learner
    }

    /// Returns true if its machine runs, and etcd on it answers.
    pub fn works(&self) -> bool {
        self.machine == Machine::Runs
    }

    /// Returns true if etcd lists it though there is no machine any more.
    pub fn is_dead(&self) -> bool {
        self.member && self.machine == Machine::Absent
    }
}
