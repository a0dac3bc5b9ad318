//! `etcd_member`: a control plane's voice in etcd. Creating one means waiting until the machine has
//! joined and votes; deleting one takes it out of etcd's list.
//!
//! It belongs to one life of a machine: that of one that is gone is taken out before the machine is
//! made again, or etcd would count a voter that never answers.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, Input, ManagedBy, Observed, OnChange,
    Outputs, Place, Provider, RawJson, Readiness, Resource, UpdateRequest, Waits,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{boot_reports::BootReports, kubelet_approvals::id_text};
use crate::{
    engine::Observations,
    etcd::{EtcdAccess, Member},
};

/// A member of etcd.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdMemberSpec {
    /// The cloud's id of its machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Input<Value>>,
}

/// The kind.
pub struct EtcdMembers {
    etcd: Arc<EtcdAccess>,
    boots: Arc<BootReports>,
    machines: Machines,
    provider: Arc<dyn Provider>,
}

/// Machines by their addresses.
#[derive(Clone, Debug, Default)]
pub struct Machines(BTreeMap<IpAddr, (String, Value)>);

impl Machines {
    /// Collects the machines of the kind `machine_kind` that exist, by their addresses.
    pub fn of(observed: &Observations, machine_kind: &str) -> Self {
        let machines = observed.iter().filter(|one| one.address.kind() == machine_kind);
        Self(
            machines
                .flat_map(|one| {
                    let addresses = ["private_ip", "public_ip"].map(|name| one.outputs.text(name));
                    let id = one.outputs.get("id").unwrap_or_default();
                    let machine = (one.address.name().to_owned(), id);
                    let known = addresses.into_iter().flatten().filter_map(|ip| ip.parse().ok());
                    known.map(move |ip| (ip, machine.clone())).collect::<Vec<_>>()
                })
                .collect(),
        )
    }

    /// Finds the machine that a member runs on: its name and the cloud's id.
    fn of_member(&self, member: &Member) -> Option<&(String, Value)> {
        let addresses = member.addresses.iter().filter_map(|address| address.parse().ok());
        addresses.into_iter().find_map(|address: IpAddr| self.0.get(&address))
    }
}

impl EtcdMembers {
    /// Makes the kind for members behind `etcd`, on `machines` of `provider`.
    pub fn new(
        etcd: Arc<EtcdAccess>,
        boots: Arc<BootReports>,
        machines: Machines,
        provider: Arc<dyn Provider>,
    ) -> Self {
        Self { etcd, boots, machines, provider }
    }

    /// Gives each member a name of its own. If two members call themselves alike, the one without a
    /// machine belongs to an earlier life. `silent` says why some take no part.
    fn named(
        &self,
        members: Vec<Member>,
        silent: &BTreeMap<u64, String>,
    ) -> Vec<Found<EtcdMemberSpec>> {
        let mut all: Vec<Found<EtcdMemberSpec>> = Vec::with_capacity(members.len());
        let mut members: Vec<(Option<&(String, Value)>, Member)> =
            members.into_iter().map(|member| (self.machines.of_member(&member), member)).collect();
        members.sort_by_key(|(machine, _)| machine.is_none());
        for (machine, member) in members {
            let told = Some(&member.name).filter(|name| !name.is_empty());
            let name = told.or(machine.map(|(name, _)| name));
            let mut name = name.cloned().unwrap_or_else(|| "unnamed".to_owned());
            if all.iter().any(|one| one.id == name) {
                name = format!("{name}-{}", member.hex());
            }
            let silent = silent.get(&member.id).filter(|_| machine.is_some());
            all.push(found(&name, &member, machine.map(|(_, id)| id.clone()), silent));
        }
        all
    }
}

/// How long a member or a Node that was ready may take to be so again, as after a restart.
pub(super) const RECOVER: Duration = Duration::from_secs(60);

/// The output that is `false` while a member on a machine takes no part.
pub const ANSWERS: &str = "answers";

/// The output that is `false` while etcd does not count a member's vote.
pub const VOTES: &str = "votes";

fn found(
    name: &str,
    member: &Member,
    machine: Option<Value>,
    silent: Option<&String>,
) -> Found<EtcdMemberSpec> {
    let mut outputs = Outputs::new();
    outputs.insert("number".into(), json!(member.id.to_string()));
    outputs.insert("name".into(), json!(member.name));
    outputs.insert("addresses".into(), json!(member.addresses));
    // Both are always there: what a plan records keeps outputs that are not seen any more.
    outputs.insert(ANSWERS.into(), json!(silent.is_none()));
    outputs.insert(VOTES.into(), json!(!member.learner));
    let readiness = if let Some(why) = silent {
        Readiness::Pending { reason: format!("its etcd does not answer: {why}") }
    } else if member.votes() {
        Readiness::Ready
    } else if member.name.is_empty() {
        Readiness::Pending { reason: "added to etcd, not started yet".into() }
    } else {
        Readiness::Pending { reason: "catching up with etcd's leader".into() }
    };
    Found {
        address: Address::new("etcd_member", name),
        id: name.to_owned(),
        spec: EtcdMemberSpec { machine: machine.map(Input::Known) },
        outputs: outputs.into(),
        readiness,
        intent_key: None,
        made_by: ManagedBy::Infra,
    }
}

fn waited_for(name: &str, readiness: Readiness) -> Found<EtcdMemberSpec> {
    Found {
        address: Address::new("etcd_member", name),
        id: name.to_owned(),
        spec: EtcdMemberSpec::default(),
        outputs: RawJson::default(),
        readiness,
        intent_key: None,
        made_by: ManagedBy::Infra,
    }
}

#[async_trait]
impl Resource for EtcdMembers {
    type Spec = EtcdMemberSpec;

    fn name(&self) -> &'static str {
        "etcd_member"
    }

    fn place(&self) -> Place {
        Place::Cluster
    }

    fn on_change(&self, field: &str) -> OnChange {
        if field == "machine" { OnChange::Replace } else { OnChange::CreateOnly }
    }

    fn waits(&self) -> Waits {
        Waits {
            ready: Duration::from_secs(900),
            recover: Some(RECOVER),
            poll_min: Duration::from_millis(200),
            poll_max: Duration::from_secs(3),
            ..Waits::default()
        }
    }

    async fn list_owned(&self, _: &Context) -> Result<Vec<Found<EtcdMemberSpec>>, CloudError> {
        if !self.etcd.exists() {
            return Ok(Vec::new());
        }
        let members = self.etcd.members().await?;
        let silent = self.etcd.silent(&members).await?;
        Ok(self.named(members, &silent))
    }

    async fn poll(
        &self,
        cx: &Context,
        ids: &[String],
    ) -> Result<Vec<Found<EtcdMemberSpec>>, CloudError> {
        // The API server may be away while control planes join; that is no answer about a member.
        let members = self.etcd.members().await.unwrap_or_default();
        let asked: Vec<Member> =
            members.iter().filter(|member| ids.contains(&member.name)).cloned().collect();
        let unknown = |error: CloudError| {
            let why = error.to_string();
            asked.iter().map(|member| (member.id, why.clone())).collect::<BTreeMap<_, _>>()
        };
        let silent = match asked.is_empty() {
            true => BTreeMap::new(),
            false => self.etcd.silent(&asked).await.unwrap_or_else(unknown),
        };
        let listed = |id: &String| members.iter().find(|member| member.name == *id);
        let broken = if ids.iter().all(|id| listed(id).is_some()) {
            BTreeMap::new()
        } else {
            self.boots.broken(cx).await
        };
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            all.push(match listed(id) {
                Some(member) => {
                    let machine = self.machines.of_member(member).map(|(_, id)| id.clone());
                    found(id, member, machine, silent.get(&member.id))
                }
                None => waited_for(
                    id,
                    match broken.get(id) {
                        Some(why) => self.boots.failed(id, why),
                        None => self.boots.readiness(id, "waiting for etcd to list it").await,
                    },
                ),
            });
        }
        Ok(all)
    }

    async fn create(
        &self,
        _: &Context,
        requests: &[(CreateRequest, EtcdMemberSpec)],
    ) -> Vec<Result<Found<EtcdMemberSpec>, CloudError>> {
        let reason = "waiting for the machine to join etcd".to_owned();
        requests
            .iter()
            .map(|(request, _)| {
                let pending = Readiness::Pending { reason: reason.clone() };
                Ok(waited_for(request.address.name(), pending))
            })
            .collect()
    }

    async fn update(
        &self,
        _: &Context,
        request: &UpdateRequest,
        _: EtcdMemberSpec,
    ) -> Result<Found<EtcdMemberSpec>, CloudError> {
        Ok(waited_for(&request.observed.id, request.observed.readiness.clone()))
    }

    /// Takes a member out of etcd. The API server beside it ends with that: no client is sent to it any more by
    /// then, and another member leads.
    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let number = observed.outputs.text("number");
        let members = self.etcd.members().await?;
        // By its number: one of the same name may have come since.
        let is_it = |member: &&Member| match &number {
            Some(number) => member.id.to_string() == *number,
            None => member.name == observed.id,
        };
        if let Some(member) = members.iter().find(is_it) {
            if let Some((_, machine)) = self.machines.of_member(member) {
                cx.progress.waiting(Some(&observed.address), "it leaves the load balancer");
                self.provider.withdraw(cx, &id_text(machine)).await?;
            }
            self.etcd.hand_over(&member.name).await?;
            self.etcd.remove(member).await?;
        }
        Ok(true)
    }

    fn delete_warning(&self, observed: &Observed) -> Option<String> {
        let machine = observed.spec.get("machine").filter(|machine| !machine.is_null());
        machine.is_none().then(|| "etcd lists it, and its machine is gone".to_owned())
    }
}
