//! What keeps something from being deleted, by name: AWS says only that something does.

use infra_provider_api::{CloudError, Context};

use super::api::{Api, filter};
use crate::calls::is_code;

const SHOWN_MAX: usize = 5;

/// Where to look for what is in the way.
pub(crate) enum In<'a> {
    Vpc(&'a str),
    Subnet(&'a str),
    SecurityGroup(&'a str),
}

/// A `DependencyViolation` with the network interfaces (and whose they are) that are behind it.
pub(crate) async fn explain(
    api: &Api,
    cx: &Context,
    error: CloudError,
    place: In<'_>,
) -> CloudError {
    let in_the_way = ["DependencyViolation", "InvalidGroup.InUse", "ResourceInUse"];
    if !in_the_way.iter().any(|code| is_code(&error, code)) {
        return error;
    }
    let filter = match place {
        In::Vpc(id) => filter("vpc-id", [id]),
        In::Subnet(id) => filter("subnet-id", [id]),
        In::SecurityGroup(id) => filter("group-id", [id]),
    };
    let listed = api
        .read(cx, "look what is in the way", || {
            let call = api.ec2.describe_network_interfaces().filters(filter.clone());
            call.into_paginator().items().send().collect::<Result<Vec<_>, _>>()
        })
        .await;
    let Ok(interfaces) = listed else { return error };
    if interfaces.is_empty() {
        return error;
    }
    let names: Vec<String> = interfaces
        .iter()
        .take(SHOWN_MAX)
        .map(|one| {
            let id = one.network_interface_id().unwrap_or_default();
            let instance = one.attachment().and_then(|attachment| attachment.instance_id());
            // Load balancers write their name into the description: `ELB net/a1b2c3/0123`.
            match (instance, one.description().filter(|text| !text.is_empty())) {
                (Some(instance), _) => format!("{id} of {instance}"),
                (None, Some(text)) => format!("{id} ({text})"),
                (None, None) => id.to_owned(),
            }
        })
        .collect();
    let more = interfaces.len().saturating_sub(SHOWN_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!("{}; in the way: {}{more}", error.message, names.join(", "));
    CloudError { message, ..error }.with_hint(
        "interfaces go some time after the load balancer or machine they belong to; one that \
         nobody of this cluster made has to be deleted by hand",
    )
}
