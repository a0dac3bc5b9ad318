//! What keeps something from being deleted, by name: AWS says only that something does.

use futures::{StreamExt, TryStreamExt, stream};
use infra_provider_api::{CloudError, Context, Effect, ErrorKind, Observed, Obstacle};

use super::{
    api::Api,
    record::foreign_records,
    strangers::{In, Stranger, all_interfaces, joined, strangers},
};
use crate::client::is_code;

const AT_ONCE: usize = 8;

/// Explains a `DependencyViolation`. It names what is not the cluster's and stays, which is not
/// waited for. Otherwise it names the network interfaces that are about to go, and whose they are.
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
    let foreign = strangers(api, cx, place).await.unwrap_or_default();
    if !foreign.is_empty() {
        let names: Vec<String> = foreign.into_iter().map(|one| one.name).collect();
        let names = joined(&names);
        let message = format!("{}; in the way, and not this cluster's: {names}", error.message);
        return CloudError { kind: ErrorKind::Blocked, message, ..error }.with_hint(
            "delete these or move them out of the cluster's network, then run `infra destroy` again",
        );
    }
    let Ok(interfaces) = all_interfaces(api, cx, place).await else { return error };
    if interfaces.is_empty() {
        return error;
    }
    let names: Vec<String> = interfaces
        .iter()
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
    let message = format!("{}; in the way: {}", error.message, joined(&names));
    CloudError { message, ..error }.with_hint(
        "interfaces go some time after the load balancer or machine they belong to; one that \
         nobody of this cluster made has to be deleted by hand",
    )
}

/// Adds the command that lifts a protection to a refusal because of one.
pub(super) fn with_command(api: &Api, error: CloudError, kind: &str, id: &str) -> CloudError {
    if is_code(&error, "OperationNotPermitted") {
        return error.with_hint(command(api, kind, id));
    }
    error
}

/// Returns what lifts the protection of a resource.
fn command(api: &Api, kind: &str, id: &str) -> String {
    let region = &api.scope.region;
    if kind == "instance" {
        format!(
            "lift it: `aws ec2 modify-instance-attribute --region {region} --instance-id {id} \
             --no-disable-api-termination`"
        )
    } else {
        format!(
            "lift it: `aws elbv2 modify-load-balancer-attributes --region {region} \
             --load-balancer-arn {id} --attributes Key=deletion_protection.enabled,Value=false`"
        )
    }
}

/// Returns what will keep those in `going` from being deleted: protections, and what else is in the
/// network.
pub(crate) async fn obstacles(
    api: &Api,
    cx: &Context,
    going: &[&Observed],
) -> Result<Vec<Obstacle>, CloudError> {
    // A plain loop: a closure over references would not be general enough for the boxed future.
    let mut looks = Vec::with_capacity(going.len());
    for one in going {
        looks.push(protection(api, cx, one));
    }
    let protected: Vec<Option<Obstacle>> =
        stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    let mut found: Vec<Obstacle> = protected.into_iter().flatten().collect();
    for vpc in going.iter().filter(|one| one.address.kind() == "vpc") {
        for Stranger { id, name } in strangers(api, cx, In::Vpc(&vpc.id)).await? {
            // Its marks may have been removed by hand; the record knows it all the same.
            if going.iter().any(|one| one.id == id) {
                continue;
            }
            found.push(Obstacle {
                address: vpc.address.clone(),
                message: format!(
                    "{name} is in it and is not this cluster's: it is left, and so is this network"
                ),
                hint: "delete it or move it out of the network".to_owned(),
                effect: Effect::Warns,
            });
        }
    }
    let records = going.iter().filter(|one| one.address.kind() == "record");
    let own_records: Vec<&str> = records.map(|one| one.address.name()).collect();
    for zone in going.iter().filter(|one| one.address.kind() == "hosted_zone") {
        let records = foreign_records(api, cx, &zone.id, &own_records).await?;
        found.extend((!records.is_empty()).then(|| Obstacle {
            address: zone.address.clone(),
            message: format!("it holds records that are not this cluster's: {}", joined(&records)),
            hint: format!("`--delete-zone {}` deletes it with them", zone.address.name()),
            effect: Effect::Keeps,
        }));
    }
    Ok(found)
}

async fn protection(
    api: &Api,
    cx: &Context,
    one: &Observed,
) -> Result<Option<Obstacle>, CloudError> {
    let kind = one.address.kind();
    let what = match kind {
        "instance" if is_machine_protected(api, cx, &one.id).await? => "termination protection",
        "load_balancer" | "kubernetes_load_balancer"
            if is_balancer_protected(api, cx, &one.id).await? =>
        {
            "deletion protection"
        }
        _ => return Ok(None),
    };
    Ok(Some(Obstacle {
        address: one.address.clone(),
        message: format!("{what} of {} is on", one.id),
        hint: command(api, kind, &one.id),
        effect: Effect::Stops,
    }))
}

async fn is_machine_protected(api: &Api, cx: &Context, id: &str) -> Result<bool, CloudError> {
    use aws_sdk_ec2::types::InstanceAttributeName::DisableApiTermination;
    let answer = api
        .find(cx, "look at termination protection", || {
            let call = api.ec2.describe_instance_attribute().instance_id(id);
            call.attribute(DisableApiTermination).send()
        })
        .await?;
    let value = answer.and_then(|answer| answer.disable_api_termination);
    Ok(value.and_then(|value| value.value) == Some(true))
}

async fn is_balancer_protected(api: &Api, cx: &Context, arn: &str) -> Result<bool, CloudError> {
    let answer = api
        .find(cx, "look at deletion protection", || {
            api.elb.describe_load_balancer_attributes().load_balancer_arn(arn).send()
        })
        .await?;
    let attributes = answer.and_then(|answer| answer.attributes).unwrap_or_default();
    Ok(attributes.iter().any(|attribute| {
        attribute.key() == Some("deletion_protection.enabled") && attribute.value() == Some("true")
    }))
}
