//! `api_access`: a machine's way to the API server, where not everybody may connect. Machines with
//! public addresses reach the load balancer from these; its security group has a rule for each, whose
//! description is the mark.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::{IpPermission, IpRange, SecurityGroup};
use infra_provider_api::{
    API_ACCESS, Address, CloudError, Context, CreateRequest, ErrorKind, Found, Input, Observed,
    OnChange,
};
use serde::{Deserialize, Serialize};

use super::{
    api::{Api, known, outputs, owned, ready},
    security_group::groups,
    security_group_rules::OF_NODE,
    unbatched::Unbatched,
};

/// A machine that may connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiAccessSpec {
    /// The load balancer's security group.
    pub security_group: Input<String>,
    /// The port.
    pub port: u16,
    /// The machine's public address.
    pub address: Input<String>,
}

pub(crate) struct ApiAccesses(pub(crate) Arc<Api>);

/// A machine, the port that it may connect to, and its public address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeRule {
    pub(super) node: String,
    pub(super) port: u16,
    pub(super) ip: String,
}

impl NodeRule {
    /// Returns the rules of this kind in a group.
    pub(super) fn all_of(group: &SecurityGroup) -> Vec<Self> {
        let mut all = Vec::new();
        for permission in group.ip_permissions() {
            let port = permission.from_port().and_then(|port| u16::try_from(port).ok());
            for range in permission.ip_ranges() {
                let node = range.description().and_then(|text| text.strip_prefix(OF_NODE));
                let ip = range.cidr_ip().and_then(|range| range.strip_suffix("/32"));
                if let (Some(port), Some(node), Some(ip)) = (port, node, ip) {
                    all.push(Self { node: node.to_owned(), port, ip: ip.to_owned() });
                }
            }
        }
        all
    }

    fn permission(&self) -> IpPermission {
        let range = IpRange::builder().cidr_ip(format!("{}/32", self.ip));
        let range = range.description(format!("{OF_NODE}{}", self.node)).build();
        let port = i32::from(self.port);
        let permission = IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port);
        permission.ip_ranges(range).build()
    }
}

impl Api {
    /// Lets a machine in. One that is let in already is no error.
    pub(super) async fn let_in(
        &self,
        operation: &str,
        group: &str,
        rule: &NodeRule,
    ) -> Result<(), CloudError> {
        let call = self.ec2.authorize_security_group_ingress().group_id(group);
        match self.effect(operation, call.ip_permissions(rule.permission()).send()).await {
            Err(error) if error.kind == ErrorKind::NameTaken => Ok(()),
            other => other.map(drop),
        }
    }

    /// Takes the rule of a machine away.
    pub(super) async fn shut_out(
        &self,
        operation: &str,
        group: &str,
        rule: &NodeRule,
    ) -> Result<(), CloudError> {
        let call = self.ec2.revoke_security_group_ingress().group_id(group);
        self.delete(operation, call.ip_permissions(rule.permission()).send()).await
    }
}

fn found(address: Address, group: &str, rule: &NodeRule) -> Found<ApiAccessSpec> {
    let spec = ApiAccessSpec {
        security_group: group.to_owned().into(),
        port: rule.port,
        address: rule.ip.clone().into(),
    };
    ready(address, format!("{group} {} {}", rule.port, rule.ip), spec, None, outputs([]))
}

#[async_trait]
impl Unbatched for ApiAccesses {
    type Spec = ApiAccessSpec;
    const NAME: &'static str = API_ACCESS;
    const KEYED: bool = true;

    /// It belongs to one life of its machine.
    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Replace
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<ApiAccessSpec>>, CloudError> {
        let all = groups(&self.0, cx, owned(cx)).await?;
        let found = all.iter().flat_map(|group| {
            let id = group.group_id().unwrap_or_default();
            let rules = NodeRule::all_of(group).into_iter();
            rules.map(move |rule| found(Address::new(API_ACCESS, &rule.node), id, &rule))
        });
        Ok(found.collect())
    }

    async fn make(
        &self,
        _cx: &Context,
        request: &CreateRequest,
        spec: ApiAccessSpec,
    ) -> Result<Found<ApiAccessSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let group = known(&operation, "security_group", &spec.security_group)?;
        let ip = known(&operation, "address", &spec.address)?.clone();
        let rule = NodeRule { node: request.address.name().to_owned(), port: spec.port, ip };
        self.0.let_in(&operation, group, &rule).await?;
        Ok(found(request.address.clone(), group, &rule))
    }

    async fn remove(&self, _cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        // Everybody may connect from now on: the group's own change removes these rules, and no
        // machine is shut out before.
        if !self.0.scope.lets_nodes_in {
            return Ok(true);
        }
        let operation = format!("delete {}", observed.address);
        let mut parts = observed.id.split(' ');
        let (group, port, ip) = (parts.next(), parts.next(), parts.next());
        let (Some(group), Some(port), Some(ip)) =
            (group, port.and_then(|port| port.parse().ok()), ip)
        else {
            return Ok(true);
        };
        let node = observed.address.name().to_owned();
        self.0.shut_out(&operation, group, &NodeRule { node, port, ip: ip.to_owned() }).await?;
        Ok(true)
    }
}
