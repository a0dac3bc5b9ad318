//! `image`: the machines' image, looked up by owner and name pattern and pinned once chosen. The pin
//! is a tag on the cluster's network, so that a lost record loses no pin.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Image, Tag};
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, Input, Observed, OnChange,
    UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, ec2_marks, filter, known, outputs, owned, ready},
    unbatched::Unbatched,
    which::Which,
};
use crate::ownership::IMAGE;

/// Which image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSpec {
    /// The network that carries the pin.
    pub vpc: Input<String>,
    /// Account that the image is of; `-` where the image is named by its id.
    pub owner: String,
    /// Its name, with `*` and `?`; or its id.
    pub pattern: String,
}

pub(crate) struct Images(pub(crate) Arc<Api>);

/// Finds the newest image that a lookup gives.
async fn newest(
    api: &Api,
    cx: &Context,
    operation: &str,
    spec: &ImageSpec,
) -> Result<Image, CloudError> {
    let by_id = spec.owner == "-";
    let found = api
        .read(cx, operation, || {
            let call = api.ec2.describe_images();
            let call = if by_id {
                call.image_ids(&spec.pattern)
            } else {
                call.owners(&spec.owner)
                    .filters(filter("name", [&spec.pattern]))
                    .filters(filter("state", ["available"]))
                    .filters(filter("architecture", ["x86_64"]))
                    .filters(filter("virtualization-type", ["hvm"]))
            };
            call.send()
        })
        .await?;
    let newest =
        found.images.unwrap_or_default().into_iter().max_by(|a, b| {
            (a.creation_date(), a.image_id()).cmp(&(b.creation_date(), b.image_id()))
        });
    newest.ok_or_else(|| {
        let message = format!(
            "the account {} has no image `{}` for x86_64 in {}",
            spec.owner, spec.pattern, api.scope.region
        );
        CloudError::new(ErrorKind::Invalid, operation, message)
            .with_hint("`image` takes an alias (ubuntu-24.04), OWNER/PATTERN, or an id (ami-…)")
    })
}

fn pinned(
    address: Address,
    spec: ImageSpec,
    key: Option<String>,
    ami: &str,
    root: &str,
) -> Found<ImageSpec> {
    let outputs = outputs([("id", json!(ami)), ("root_device", json!(root))]);
    let id = address.name().to_owned();
    ready(address, id, spec, key, outputs)
}

impl Images {
    async fn pin(
        &self,
        cx: &Context,
        operation: &str,
        address: &Address,
        spec: &ImageSpec,
    ) -> Result<Found<ImageSpec>, CloudError> {
        let image = newest(&self.0, cx, operation, spec).await?;
        let ami = image.image_id().unwrap_or_default();
        let root = image.root_device_name().unwrap_or("/dev/sda1");
        let value = format!("{ami} {root} {} {}", spec.owner, spec.pattern);
        let tag = Tag::builder().key(format!("{IMAGE}{}", address.name())).value(value).build();
        let vpc = known(operation, "vpc", &spec.vpc)?;
        let call = self.0.ec2.create_tags().resources(vpc).tags(tag);
        self.0.effect(operation, call.send()).await?;
        Ok(pinned(address.clone(), spec.clone(), None, ami, root))
    }
}

#[async_trait]
impl Unbatched for Images {
    type Spec = ImageSpec;
    const NAME: &'static str = "image";
    const KEYED: bool = true;

    /// Classifies the change of a field. Another pattern is looked up again; machines take the new
    /// image when they are rotated.
    fn on_change(&self, field: &str) -> OnChange {
        if field == "vpc" { OnChange::Replace } else { OnChange::Update }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<ImageSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    /// Reads pinned images. Each is a tag of the VPC, which the state knows by its id.
    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<ImageSpec>>, CloudError> {
        let filters = match which {
            Which::Owned => owned(cx),
            Which::Known { known, .. } => {
                filter("vpc-id", known.iter().filter_map(|known| known.spec.text("vpc")))
            }
        };
        let vpcs = self
            .0
            .read(cx, "list pinned images", || {
                let pages = self.0.ec2.describe_vpcs().filters(filters.clone()).into_paginator();
                pages.items().send().collect::<Result<Vec<_>, _>>()
            })
            .await?;
        let mut all = Vec::new();
        for vpc in &vpcs {
            let vpc_id = vpc.vpc_id().unwrap_or_default();
            for (key, value) in ec2_marks(vpc.tags()).iter() {
                let Some(name) = key.strip_prefix(IMAGE) else { continue };
                let parts: Vec<&str> = value.splitn(4, ' ').collect();
                let [ami, root, owner, pattern] = parts.as_slice() else { continue };
                let spec = ImageSpec {
                    vpc: vpc_id.to_owned().into(),
                    owner: (*owner).to_owned(),
                    pattern: (*pattern).to_owned(),
                };
                all.push(pinned(Address::new("image", name), spec, None, ami, root));
            }
        }
        Ok(all)
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: ImageSpec,
    ) -> Result<Found<ImageSpec>, CloudError> {
        let operation = format!("choose {}", request.address);
        self.pin(cx, &operation, &request.address, &spec).await
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: ImageSpec,
    ) -> Result<Found<ImageSpec>, CloudError> {
        let address = &request.observed.address;
        self.pin(cx, &format!("choose {address}"), address, &spec).await
    }

    async fn remove(&self, _cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("unpin {}", observed.address);
        if let Some(vpc) = observed.spec.text("vpc") {
            let tag = Tag::builder().key(format!("{IMAGE}{}", observed.id)).build();
            let call = self.0.ec2.delete_tags().resources(vpc).tags(tag);
            self.0.delete(&operation, call.send()).await?;
        }
        Ok(true)
    }
}
