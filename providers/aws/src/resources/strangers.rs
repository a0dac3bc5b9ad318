//! What is in the cluster's network and is not the cluster's: named, never deleted.

use aws_sdk_ec2::types::{NetworkInterface, NetworkInterfaceStatus};
use infra_provider_api::{CloudError, Context};

use super::{
    api::{Api, ec2_marks, filter},
    load_balancer::tags_of,
    security_group::groups,
};
use crate::ownership::Marks;

const OPERATION: &str = "look what else is in the network";
/// Names in one message; more are counted.
const SHOWN_MAX: usize = 5;

/// Where to look.
#[derive(Clone, Copy, Debug)]
pub(crate) enum In<'a> {
    Vpc(&'a str),
    Subnet(&'a str),
    SecurityGroup(&'a str),
}

/// Returns names in one line: five, and how many more there are.
pub(super) fn joined(names: &[String]) -> String {
    let more = names.len().saturating_sub(SHOWN_MAX);
    let shown = names.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// Returns a resource as a person knows it: `security group janes (sg-1)`.
pub(super) fn named(kind: &str, name: Option<&str>, id: &str) -> String {
    match name.filter(|name| !name.is_empty()) {
        Some(name) => format!("{kind} {name} ({id})"),
        None => format!("{kind} {id}"),
    }
}

fn is_foreign(cx: &Context, marks: &Marks) -> bool {
    !marks.is_of(&cx.owner) && !marks.is_kubernetes(&cx.owner)
}

/// Something of somebody else's.
pub(super) struct Stranger {
    /// Its id; a load balancer's is its ARN.
    pub(super) id: String,
    /// It as a person knows it.
    pub(super) name: String,
}

impl Stranger {
    fn new(kind: &str, name: Option<&str>, id: &str) -> Self {
        Self { id: id.to_owned(), name: named(kind, name, id) }
    }
}

/// Returns what is in `place`, is not the cluster's, and stays until somebody else deletes it.
pub(super) async fn strangers(
    api: &Api,
    cx: &Context,
    place: In<'_>,
) -> Result<Vec<Stranger>, CloudError> {
    let (mut found, balancers, interfaces) = futures::try_join!(
        instances(api, cx, place),
        balancers(api, cx, place),
        interfaces(api, cx, place),
    )?;
    found.extend(balancers);
    found.extend(interfaces);
    found.extend(security_groups(api, cx, place).await?);
    if let In::Vpc(vpc) = place {
        let (subnets, tables, endpoints) = futures::try_join!(
            subnets(api, cx, vpc),
            route_tables(api, cx, vpc),
            endpoints(api, cx, vpc),
        )?;
        found.extend(subnets.into_iter().chain(tables).chain(endpoints));
    }
    Ok(found)
}

async fn instances(api: &Api, cx: &Context, place: In<'_>) -> Result<Vec<Stranger>, CloudError> {
    let place = match place {
        In::Vpc(id) => filter("vpc-id", [id]),
        In::Subnet(id) => filter("subnet-id", [id]),
        In::SecurityGroup(id) => filter("instance.group-id", [id]),
    };
    let alive = filter("instance-state-name", ["pending", "running", "stopping", "stopped"]);
    let all = api
        .read(cx, OPERATION, || {
            let call = api.ec2.describe_instances().filters(place.clone()).filters(alive.clone());
            call.into_paginator().items().send().collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let all = all.iter().flat_map(|reservation| reservation.instances());
    let foreign = all.filter_map(|one| {
        let marks = ec2_marks(one.tags());
        let id = one.instance_id().unwrap_or_default();
        is_foreign(cx, &marks).then(|| Stranger::new("instance", marks.get("Name"), id))
    });
    Ok(foreign.collect())
}

async fn balancers(api: &Api, cx: &Context, place: In<'_>) -> Result<Vec<Stranger>, CloudError> {
    let mut all = api.all_balancers(cx).await?;
    all.retain(|one| match place {
        In::Vpc(id) => one.vpc_id() == Some(id),
        In::Subnet(id) => one.availability_zones().iter().any(|zone| zone.subnet_id() == Some(id)),
        In::SecurityGroup(id) => one.security_groups().iter().any(|group| group == id),
    });
    let arns: Vec<String> =
        all.iter().filter_map(|one| one.load_balancer_arn().map(str::to_owned)).collect();
    let tags = tags_of(api, cx, &arns).await?;
    let foreign = all.iter().filter_map(|one| {
        let arn = one.load_balancer_arn().unwrap_or_default();
        let foreign = tags.get(arn).is_none_or(|marks| is_foreign(cx, marks));
        foreign.then(|| Stranger::new("load balancer", one.load_balancer_name(), arn))
    });
    Ok(foreign.collect())
}

/// Returns those that nothing uses. The interfaces of load balancers, gateways and
/// machines go with them.
async fn interfaces(api: &Api, cx: &Context, place: In<'_>) -> Result<Vec<Stranger>, CloudError> {
    let mut all = all_interfaces(api, cx, place).await?;
    all.retain(|one| {
        one.status() == Some(&NetworkInterfaceStatus::Available)
            && one.attachment().is_none()
            && one.requester_managed() != Some(true)
            && !one.description().unwrap_or_default().starts_with("ELB ")
            && is_foreign(cx, &ec2_marks(one.tag_set()))
    });
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let gateways = api
        .read(cx, OPERATION, || {
            let pages = api.ec2.describe_nat_gateways().into_paginator().items().send();
            pages.collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let of_gateway = |id: &str| {
        let mut addresses = gateways.iter().flat_map(|gateway| gateway.nat_gateway_addresses());
        addresses.any(|address| address.network_interface_id() == Some(id))
    };
    let names = all.iter().filter_map(|one| {
        let id = one.network_interface_id().filter(|id| !of_gateway(id))?;
        Some(Stranger::new("network interface", one.description(), id))
    });
    Ok(names.collect())
}

/// Returns every network interface in `place`.
pub(super) async fn all_interfaces(
    api: &Api,
    cx: &Context,
    place: In<'_>,
) -> Result<Vec<NetworkInterface>, CloudError> {
    let place = match place {
        In::Vpc(id) => filter("vpc-id", [id]),
        In::Subnet(id) => filter("subnet-id", [id]),
        In::SecurityGroup(id) => filter("group-id", [id]),
    };
    api.read(cx, OPERATION, || {
        let call = api.ec2.describe_network_interfaces().filters(place.clone());
        call.into_paginator().items().send().collect::<Result<Vec<_>, _>>()
    })
    .await
}

/// Returns the groups in the network, or those whose rules name a group: it can't go while they do.
async fn security_groups(
    api: &Api,
    cx: &Context,
    place: In<'_>,
) -> Result<Vec<Stranger>, CloudError> {
    let filter = match place {
        In::Vpc(id) => filter("vpc-id", [id]),
        In::SecurityGroup(id) => filter("ip-permission.group-id", [id]),
        In::Subnet(_) => return Ok(Vec::new()),
    };
    let all = groups(api, cx, filter).await?;
    let whole = matches!(place, In::Vpc(_));
    let foreign = all.iter().filter(|group| {
        // The network's own goes with it.
        !(whole && group.group_name() == Some("default"))
            && is_foreign(cx, &ec2_marks(group.tags()))
    });
    let names = foreign.map(|group| {
        Stranger::new("security group", group.group_name(), group.group_id().unwrap_or_default())
    });
    Ok(names.collect())
}

async fn subnets(api: &Api, cx: &Context, vpc: &str) -> Result<Vec<Stranger>, CloudError> {
    let all = api
        .read(cx, OPERATION, || {
            let call = api.ec2.describe_subnets().filters(filter("vpc-id", [vpc]));
            call.into_paginator().items().send().collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let foreign = all.iter().filter_map(|one| {
        let marks = ec2_marks(one.tags());
        let id = one.subnet_id().unwrap_or_default();
        is_foreign(cx, &marks).then(|| Stranger::new("subnet", marks.get("Name"), id))
    });
    Ok(foreign.collect())
}

async fn route_tables(api: &Api, cx: &Context, vpc: &str) -> Result<Vec<Stranger>, CloudError> {
    let all = api
        .read(cx, OPERATION, || {
            let call = api.ec2.describe_route_tables().filters(filter("vpc-id", [vpc]));
            call.into_paginator().items().send().collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let foreign = all.iter().filter_map(|one| {
        // The network's own goes with it.
        let main = one.associations().iter().any(|association| association.main() == Some(true));
        let marks = ec2_marks(one.tags());
        let id = one.route_table_id().unwrap_or_default();
        (!main && is_foreign(cx, &marks))
            .then(|| Stranger::new("route table", marks.get("Name"), id))
    });
    Ok(foreign.collect())
}

async fn endpoints(api: &Api, cx: &Context, vpc: &str) -> Result<Vec<Stranger>, CloudError> {
    let all = api
        .read(cx, OPERATION, || {
            let call = api.ec2.describe_vpc_endpoints().filters(filter("vpc-id", [vpc]));
            call.into_paginator().items().send().collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let foreign = all.iter().filter_map(|one| {
        let state = one.state().map(|state| state.as_str().to_lowercase()).unwrap_or_default();
        let leaving = state.starts_with("delet");
        let id = one.vpc_endpoint_id().unwrap_or_default();
        let stays = !leaving && is_foreign(cx, &ec2_marks(one.tags()));
        stays.then(|| Stranger::new("VPC endpoint", one.service_name(), id))
    });
    Ok(foreign.collect())
}
