//! What is in a private network, and whose it is.
//!
//! The vendor lists a network's members by URN and says no more of them. A machine stays a member for
//! some time after it is deleted, so a member that no list shows any more is about to leave.

use std::collections::HashSet;

use infra_provider_api::{Address, CloudError, Context, Effect, ErrorKind, Observed, Obstacle};

use super::{
    api::{Api, address_of},
    kubernetes_load_balancer::is_made_for,
    volume::unmarked,
};
use crate::wire::{Droplet, LoadBalancer, Member};

/// Names in one message; more are counted.
const SHOWN_MAX: usize = 5;

/// The members of a network, by what becomes of them.
#[derive(Debug, Default)]
struct Members {
    /// Not this cluster's: they stay until somebody else deletes them.
    strangers: Vec<String>,
    /// This cluster's, or already deleted: they leave by themselves.
    leaving: Vec<String>,
}

/// Returns a member as a person knows it: `droplet janes-db (417)`.
fn described(member: &Member) -> String {
    let mut parts = member.urn.splitn(3, ':').skip(1);
    let (kind, id) = (parts.next().unwrap_or("member"), parts.next().unwrap_or(&member.urn));
    let kind = match kind {
        "loadbalancer" => "load balancer",
        "dbaas" => "database cluster",
        "kubernetes" => "Kubernetes cluster",
        other => other,
    };
    format!("{kind} {} ({id})", member.name)
}

fn joined(names: &[String]) -> String {
    let more = names.len().saturating_sub(SHOWN_MAX);
    let shown = names.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

impl Api {
    /// Sorts the members of the network `vpc`. `going` holds URNs that need no further look.
    async fn members(
        &self,
        cx: &Context,
        vpc: &str,
        going: &HashSet<String>,
    ) -> Result<Members, CloudError> {
        let operation = "list the members of the VPC";
        let path = &["vpcs", vpc, "members"];
        let mut all: Vec<Member> = self.client.list(cx, operation, path, &[], "members").await?;
        all.retain(|member| !going.contains(&member.urn));
        if all.is_empty() {
            return Ok(Members::default());
        }
        let (droplets, balancers) = futures::try_join!(
            self.client.list_shared::<Droplet>(cx, operation, &["droplets"], &[], "droplets"),
            self.client.list_shared::<LoadBalancer>(
                cx,
                operation,
                &["load_balancers"],
                &[],
                "load_balancers"
            ),
        )?;
        let tag = cx.owner.tag();
        let own_droplet = |droplet: &Droplet| droplet.tags.contains(&tag);
        let own_balancer = |balancer: &LoadBalancer| {
            address_of(&cx.owner, "load_balancer", &balancer.name).is_some()
                || is_made_for(&cx.owner, balancer)
        };
        let mut members = Members::default();
        for member in all {
            let stays = match member.urn.split(':').nth(1) {
                Some("droplet") => droplets
                    .iter()
                    .find(|one| member.urn == format!("do:droplet:{}", one.id))
                    .is_some_and(|one| !own_droplet(one)),
                Some("loadbalancer") => balancers
                    .iter()
                    .find(|one| member.urn == format!("do:loadbalancer:{}", one.id))
                    .is_some_and(|one| !own_balancer(one)),
                // This tool makes nothing else that can be a member.
                _ => true,
            };
            let list = if stays { &mut members.strangers } else { &mut members.leaving };
            list.push(described(&member));
        }
        Ok(members)
    }

    /// Explains why the network was not deleted. Members that leave it are waited for; members that
    /// stay are not.
    pub(super) async fn explain_members(
        &self,
        cx: &Context,
        vpc: &str,
        error: CloudError,
    ) -> CloudError {
        if !matches!(error.kind, ErrorKind::Busy | ErrorKind::Forbidden | ErrorKind::Invalid) {
            return error;
        }
        let Ok(members) = self.members(cx, vpc, &HashSet::new()).await else { return error };
        if !members.strangers.is_empty() {
            let names = joined(&members.strangers);
            let message = format!("{}; in it, and not this cluster's: {names}", error.message);
            return CloudError { kind: ErrorKind::Blocked, message, ..error }.with_hint(
                "delete these or move them to another VPC, then run `infra destroy` again",
            );
        }
        if !members.leaving.is_empty() {
            let message = format!("{}: {}", error.message, joined(&members.leaving));
            return CloudError { kind: ErrorKind::Busy, message, hint: None, ..error };
        }
        error
    }
}

/// Returns what will keep the networks among `going` from being deleted, and the zones that hold
/// records of others.
pub(crate) async fn obstacles(
    api: &Api,
    cx: &Context,
    going: &[&Observed],
) -> Result<Vec<Obstacle>, CloudError> {
    let urns: HashSet<String> = going
        .iter()
        .filter_map(|one| match one.address.kind() {
            "droplet" => Some(format!("do:droplet:{}", one.id)),
            "load_balancer" | "kubernetes_load_balancer" => {
                Some(format!("do:loadbalancer:{}", one.id))
            }
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for vpc in going.iter().filter(|one| one.address.kind() == "vpc") {
        let members = match api.members(cx, &vpc.id, &urns).await {
            Ok(members) => members,
            Err(error) if error.kind == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        found.extend(members.strangers.iter().map(|name| in_the_way(&vpc.address, name)));
        let adrift = unmarked(api, cx).await?;
        found.extend((!adrift.is_empty()).then(|| Obstacle {
            address: vpc.address.clone(),
            message: format!(
                "{} may be this cluster's: a storage driver made it, and it carries no tag that tells whose it is; it is left",
                joined(&adrift)
            ),
            hint: "delete what you know to be this cluster's by hand".to_owned(),
            effect: Effect::Warns,
        }));
    }
    let records = going.iter().filter(|one| one.address.kind() == "record");
    let own_records: Vec<&str> = records.map(|one| one.id.as_str()).collect();
    for domain in going.iter().filter(|one| one.address.kind() == "domain") {
        let Some(zone) = api.zone_shared(cx, &domain.id).await? else { continue };
        let records = zone.foreign_records(cx, &own_records);
        found.extend((!records.is_empty()).then(|| Obstacle {
            address: domain.address.clone(),
            message: format!("it holds records that are not this cluster's: {}", joined(&records)),
            hint: format!("`--delete-zone {}` deletes it with them", domain.address.name()),
            effect: Effect::Keeps,
        }));
    }
    Ok(found)
}

fn in_the_way(vpc: &Address, name: &str) -> Obstacle {
    Obstacle {
        address: vpc.clone(),
        message: format!(
            "{name} is in it and is not this cluster's: it is left, and so is this network"
        ),
        hint: "delete it or move it to another VPC".to_owned(),
        effect: Effect::Warns,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_described_by_its_urn() {
        let member = |name: &str, urn: &str| Member { name: name.into(), urn: urn.into() };
        for (name, urn, text) in [
            ("janes-db", "do:droplet:417", "droplet janes-db (417)"),
            ("mail", "do:loadbalancer:4de7", "load balancer mail (4de7)"),
            ("pg", "do:dbaas:9cc1", "database cluster pg (9cc1)"),
            ("odd", "x", "member odd (x)"),
        ] {
            assert_eq!(described(&member(name, urn)), text);
        }
    }

    #[test]
    fn many_are_counted() {
        let names: Vec<String> = (1..=7).map(|n| format!("d{n}")).collect();
        assert_eq!(joined(&names), "d1, d2, d3, d4, d5 and 2 more");
    }
}
