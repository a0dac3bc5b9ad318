//! `route_table`: where packets of its subnets go.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::{ResourceType, RouteTable};
use infra_provider_api::{
    CloudError, Context, CreateRequest, ErrorKind, Found, Input, KnownResource, Observed, OnChange,
    UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, all_known, ec2_marks, inputs, known, not_told, outputs, ready},
    unbatched::Unbatched,
    which::Which,
};

const EVERYWHERE: &str = "0.0.0.0/0";

/// A route table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTableSpec {
    /// Its network.
    pub vpc: Input<String>,
    /// Where everything goes that is not of the network: an internet gateway or a NAT gateway.
    pub default_route: Input<String>,
    /// The subnets it is for.
    pub subnets: Vec<Input<String>>,
}

pub(crate) struct RouteTables(pub(crate) Arc<Api>);

fn found(cx: &Context, which: &Which<'_>, table: &RouteTable) -> Option<Found<RouteTableSpec>> {
    let marks = ec2_marks(table.tags());
    let id = table.route_table_id().unwrap_or_default();
    let address = which.address(cx, &marks, "route_table", id)?;
    let route = table.routes().iter().find(|r| r.destination_cidr_block() == Some(EVERYWHERE));
    let target = route.and_then(|route| route.nat_gateway_id().or(route.gateway_id()));
    let spec = RouteTableSpec {
        vpc: table.vpc_id().unwrap_or_default().to_owned().into(),
        default_route: target.unwrap_or_default().to_owned().into(),
        subnets: inputs(table.associations().iter().filter_map(|one| one.subnet_id())),
    };
    Some(ready(address, id, spec, marks.intent(), outputs([("id", json!(id))])))
}

impl RouteTables {
    async fn list_raw(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<RouteTable>, CloudError> {
        self.0
            .read(cx, "list route tables", || {
                let pages = self
                    .0
                    .ec2
                    .describe_route_tables()
                    .filters(which.filter(cx, "route-table-id"))
                    .into_paginator();
                pages.items().send().collect::<Result<Vec<_>, _>>()
            })
            .await
    }

    /// Reads one table by its id, whoever's tag it carries.
    async fn one(
        &self,
        cx: &Context,
        observed: &Observed,
    ) -> Result<Option<RouteTable>, CloudError> {
        let known = [KnownResource::of(observed)];
        Ok(self.list_raw(cx, &Which::known(&known)).await?.into_iter().next())
    }

    /// Brings the table from what it is to what it shall be.
    async fn fill(
        &self,
        operation: &str,
        table: &RouteTable,
        spec: &RouteTableSpec,
    ) -> Result<(), CloudError> {
        let ec2 = &self.0.ec2;
        let id = table.route_table_id().unwrap_or_default();
        let target = known(operation, "default_route", &spec.default_route)?;
        let nat = target.starts_with("nat-");
        let there = table.routes().iter().any(|r| r.destination_cidr_block() == Some(EVERYWHERE));
        if there {
            let call = ec2.replace_route().route_table_id(id).destination_cidr_block(EVERYWHERE);
            let call = if nat { call.nat_gateway_id(target) } else { call.gateway_id(target) };
            self.0.effect(operation, call.send()).await?;
        } else {
            let call = ec2.create_route().route_table_id(id).destination_cidr_block(EVERYWHERE);
            let call = if nat { call.nat_gateway_id(target) } else { call.gateway_id(target) };
            match self.0.effect(operation, call.send()).await {
                Err(error) if error.kind == ErrorKind::NameTaken => {}
                other => drop(other?),
            }
        }
        let wanted = all_known(operation, "subnets", &spec.subnets)?;
        for one in table.associations() {
            let stays = one.subnet_id().is_none_or(|subnet| wanted.iter().any(|w| w == subnet));
            if let Some(association) = one.route_table_association_id().filter(|_| !stays) {
                let call = ec2.disassociate_route_table().association_id(association);
                self.0.delete(operation, call.send()).await?;
            }
        }
        for subnet in wanted {
            let there = table.associations().iter().any(|one| one.subnet_id() == Some(&subnet));
            if !there {
                let call = ec2.associate_route_table().route_table_id(id).subnet_id(subnet);
                self.0.effect(operation, call.send()).await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Unbatched for RouteTables {
    type Spec = RouteTableSpec;
    const NAME: &'static str = "route_table";
    const KEYED: bool = true;

    fn on_change(&self, field: &str) -> OnChange {
        if field == "vpc" { OnChange::Replace } else { OnChange::Update }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<RouteTableSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        self.0.tag_again(cx, observed).await
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<RouteTableSpec>>, CloudError> {
        Ok(self
            .list_raw(cx, which)
            .await?
            .iter()
            .filter_map(|table| found(cx, which, table))
            .collect())
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: RouteTableSpec,
    ) -> Result<Found<RouteTableSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        // Some answer to a used token with what it made, others make a second one.
        let before = self.list_raw(cx, &Which::Owned).await?.into_iter().find(|table| {
            let marks = ec2_marks(table.tags());
            marks.address(&cx.owner, "route_table").as_ref() == Some(&request.address)
        });
        let table = match before {
            Some(table) => table,
            None => {
                let tags = self.0.tag_spec(cx, ResourceType::RouteTable, request, &[]);
                let call = self
                    .0
                    .ec2
                    .create_route_table()
                    .vpc_id(known(&operation, "vpc", &spec.vpc)?)
                    .client_token(&request.intent_key)
                    .tag_specifications(tags);
                let made = self.0.effect(&operation, call.send()).await?;
                made.route_table.ok_or_else(|| not_told(&operation))?
            }
        };
        self.fill(&operation, &table, &spec).await?;
        let id = table.route_table_id().unwrap_or_default();
        let outputs = outputs([("id", json!(id))]);
        Ok(ready(request.address.clone(), id, spec, Some(request.intent_key.clone()), outputs))
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: RouteTableSpec,
    ) -> Result<Found<RouteTableSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        let table = self.one(cx, observed).await?;
        let gone = || CloudError::new(ErrorKind::NotFound, &operation, "it was deleted meanwhile");
        self.fill(&operation, &table.ok_or_else(gone)?, &spec).await?;
        self.again(cx, observed).await
    }

    async fn remove(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let Some(table) = self.one(cx, observed).await? else { return Ok(true) };
        for one in table.associations() {
            if let Some(association) = one.route_table_association_id() {
                let call = self.0.ec2.disassociate_route_table().association_id(association);
                self.0.delete(&operation, call.send()).await?;
            }
        }
        let call = self.0.ec2.delete_route_table().route_table_id(&observed.id).send();
        self.0.delete(&operation, call).await?;
        Ok(true)
    }
}
