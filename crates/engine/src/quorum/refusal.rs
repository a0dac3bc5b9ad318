//! Why a plan is refused for the sake of the control planes, and the way out.

use infra_provider_api::{Diagnostic, Role};

use super::{RoleChange, outlook::majority};

/// Why a plan is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Machines would do what they were not made for.
    #[error("{}", roles(.0))]
    Roles(Vec<RoleChange>),
    /// Too few members run.
    #[error(
        "etcd's quorum is lost: {} of {members} control planes run, {} are needed ({} missing)",
        running.len(), majority(*members), missing.join(", ")
    )]
    Lost {
        /// How many members etcd has.
        members: usize,
        /// Those that run.
        running: Vec<String>,
        /// Those that do not.
        missing: Vec<String>,
    },
    /// The only control plane would go, and etcd's data with it.
    #[error(
        "this plan deletes {name}, the only control plane: every object of the cluster is lost with its etcd"
    )]
    OnlyOne {
        /// Its name.
        name: String,
        /// It only is switched off.
        off: bool,
    },
    /// None of the control planes would stay.
    #[error("this plan deletes every control plane ({}): every object of the cluster is lost with etcd", .0.join(", "))]
    All(Vec<String>),
    /// More than one would be replaced or repaired.
    #[error("this plan makes more than one control plane again ({}); etcd bears one at a time", .0.join(", "))]
    Several(Vec<String>),
    /// One would go while another is gone or down.
    #[error("this plan deletes {} while {} {} not run: etcd would be left without a majority that is sure",
        going.join(", "), down.join(", "), if down.len() == 1 { "does" } else { "do" })]
    OthersDown {
        /// Those that would go.
        going: Vec<String>,
        /// Those that do not run.
        down: Vec<String>,
    },
    /// One would go while another has no vote yet.
    #[error("this plan deletes {} while {} {} still joining etcd: a member without a vote replaces none",
        going.join(", "), joining.join(", "), if joining.len() == 1 { "is" } else { "are" })]
    StillJoins {
        /// Those that would go.
        going: Vec<String>,
        /// Those that have no vote yet.
        joining: Vec<String>,
    },
    /// etcd takes no new member while one is down.
    #[error("{} {} to join while {} {} not run: etcd refuses a new member then", joining.join(", "),
        if joining.len() == 1 { "is" } else { "are" }, down.join(", "), if down.len() == 1 { "does" } else { "do" })]
    JoinsWhileDown {
        /// Those that would join.
        joining: Vec<String>,
        /// Those that do not run.
        down: Vec<String>,
    },
    /// A member would not be taken out of etcd first.
    #[error("etcd still lists {}, and this plan does not remove {} first", .0.join(", "),
        if .0.len() == 1 { "it" } else { "them" })]
    Listed(Vec<String>),
    /// A member would be taken out though its machine stays.
    #[error("etcd lists {name} at another address than its machine has")]
    Mismatch {
        /// Its name.
        name: String,
    },
    /// Nobody knows whether it is safe.
    #[error("etcd's members can't be read ({reason}), and this plan takes {} away or makes {} again",
        names.join(", "), if names.len() == 1 { "it" } else { "them" })]
    Unread {
        /// Why they can't be read.
        reason: String,
        /// The control planes that the plan is about.
        names: Vec<String>,
        /// Others that the plan would switch on.
        off: Vec<String>,
    },
}

fn roles(changes: &[RoleChange]) -> String {
    role_findings(changes).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Returns one diagnostic for each pool, with the names of all its machines that would change.
fn role_findings(changes: &[RoleChange]) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for change in changes {
        let names: Vec<&str> = changes
            .iter()
            .filter(|one| one.pool == change.pool)
            .map(|one| one.name.as_str())
            .collect();
        let message = format!(
            "pool `{}` can't become a {} pool: {} {} made as {}",
            change.pool,
            change.becomes.as_str(),
            names.join(", "),
            if names.len() == 1 { "was" } else { "were" },
            match change.was {
                Role::ControlPlane => "control planes",
                Role::Worker => "workers",
            },
        );
        let one = Diagnostic::new(message).in_source(change.source.as_ref());
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

impl Refusal {
    /// Returns what is wrong in infra.toml; nothing if the reason is not in the file.
    pub fn findings(&self) -> Vec<Diagnostic> {
        match self {
            Self::Roles(changes) => role_findings(changes),
            _ => Vec::new(),
        }
    }

    /// Returns a hint for the user.
    pub fn hint(&self) -> String {
        match self {
            Self::Roles(_) => "a machine keeps the role that it was made for: give the new role to a pool of another \
                 name, and take this pool out of infra.toml"
                .to_owned(),
            Self::Lost { running, .. } => {
                let survivor = running.first().map_or("a control plane", String::as_str);
                format!(
                    "bring a missing machine back (a machine that is off is switched on by `infra apply`); or restore \
                     etcd on {survivor} from its data (etcd --force-new-cluster) or from a snapshot, and apply again: \
                     what is missing then joins; or `infra destroy`"
                )
            }
            Self::OnlyOne { name, off } => {
                let way = if *off {
                    format!("{name} is only switched off: run `infra apply` without --replace, which switches it on; ")
                } else {
                    "grow to three control planes first; ".to_owned()
                };
                format!("{way}if its data may be lost, say so with --confirm-data-loss {name}")
            }
            Self::All(_) => "take the change back; machines in another range or region are another cluster: make it \
                 beside this one, move the apps, then destroy this one"
                .to_owned(),
            Self::Several(names) => {
                let first = names.first().map_or("", String::as_str);
                format!("do one at a time, {first} first, and apply in between")
            }
            Self::OthersDown { down, .. } | Self::JoinsWhileDown { down, .. } => format!(
                "let {} come back first: `infra apply` without this change switches on what is off and makes what is \
                 gone again; one whose machine runs while its etcd does not answer needs a restart of its machine, or is \
                 replaced itself (--replace) while no other is missing",
                down.join(", ")
            ),
            Self::StillJoins { joining, .. } => format!(
                "run `infra apply` without this change: it waits until {} votes; one that never gets there is replaced \
                 itself (--replace)",
                joining.join(", ")
            ),
            Self::Listed(_) => {
                "leave out --target and --phase: the removal from etcd is part of the whole plan; or remove it by hand: \
                 `kubectl -n kube-system exec etcd-NODE -- etcdctl --cacert /etc/kubernetes/pki/etcd/ca.crt --cert \
                 /etc/kubernetes/pki/etcd/server.crt --key /etc/kubernetes/pki/etcd/server.key member list` names its \
                 id, `member remove ID` removes it".to_owned()
            }
            Self::Mismatch { name } => format!(
                "{name} never joined under this name: make its machine again with --replace"
            ),
            Self::Unread { off, .. } if !off.is_empty() => format!(
                "switch on {} first (`infra apply --target` its machine, or the cloud's console), then apply",
                off.join(", ")
            ),
            Self::Unread { .. } => "run the same command again when the API server answers".to_owned(),
        }
    }
}
