//! Making machines: one RunInstances call for many.
//!
//! A call gives all its machines the same tags and user-data. Which node a machine is, its launch
//! index tells: the cloud knows it, and the machine itself does.

use std::{collections::HashMap, io::Write as _};

use aws_sdk_ec2::types::{
    BlockDeviceMapping, EbsBlockDevice, HttpTokensState, IamInstanceProfileSpecification,
    InstanceMetadataEndpointState, InstanceMetadataOptionsRequest, InstanceType, ResourceType,
    TagSpecification, VolumeType,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use infra_provider_api::{
    BootingMachine, CloudError, Context, CreateRequest, ErrorKind, Found, MissingCreates,
    not_in_answer,
};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use super::{
    api::{all_known, known},
    instance::Instances,
    instance_spec::{InstanceSpec, found},
    which::Which,
};
use crate::ownership::{self, INTENT, NAME, NODE, POOL, REVISION, ROLE, kubernetes_tag};

/// So many share a call: a resource has at most 50 tags, and each machine of a call needs one.
pub(super) const CALL_MAX: usize = 25;
/// EC2's limit, before base64.
const USER_DATA_MAX_BYTES: usize = 16 * 1024;
/// What compresses to less than that: user-data is mostly text that repeats.
const PLAIN_MAX_BYTES: usize = 96 * 1024;
const DISK_DEFAULT_GIB: i32 = 40;

type Request = (CreateRequest, InstanceSpec);
type Outcome = Result<Found<InstanceSpec>, CloudError>;

impl Instances {
    /// Creates what is not there yet, in one call.
    pub(super) async fn create_all(&self, cx: &Context, requests: &[Request]) -> Vec<Outcome> {
        let missing = match MissingCreates::look(&self.sent, requests, self.list(cx)).await {
            Ok(missing) => missing,
            Err(failed) => return failed,
        };
        let mut made = Vec::new();
        for call in missing.requests().chunks(CALL_MAX) {
            made.extend(self.run(cx, call).await);
        }
        missing.outcomes(made)
    }

    async fn run(&self, cx: &Context, requests: &[&Request]) -> Vec<Outcome> {
        let names: Vec<&str> = requests.iter().map(|(request, _)| request.address.name()).collect();
        let what = if names.len() == 1 { "instance" } else { "instances" };
        let operation = format!("create {what} {}", names.join(", "));
        let all_failed = |error: CloudError| requests.iter().map(|_| Err(error.clone())).collect();
        let made = match self.call(cx, &operation, requests, &names).await {
            Ok(made) => made,
            Err(error) => return all_failed(error),
        };
        let mut by_node: HashMap<String, Found<InstanceSpec>> =
            made.into_iter().map(|one| (one.address.name().to_owned(), one)).collect();
        requests
            .iter()
            .map(|(request, _)| {
                by_node.remove(request.address.name()).ok_or_else(|| not_in_answer(request))
            })
            .collect()
    }

    async fn call(
        &self,
        cx: &Context,
        operation: &str,
        requests: &[&Request],
        names: &[&str],
    ) -> Result<Vec<Found<InstanceSpec>>, CloudError> {
        let [(_, spec), ..] = requests else {
            return Err(CloudError::new(ErrorKind::Local, operation, "nothing to create"));
        };
        let user_data = self.user_data(cx, operation, requests).await?;
        let tags = tags(cx, requests, spec, &self.api.scope.tags);
        let of = |kind: ResourceType| {
            let tags = ownership::sdk_tags!(aws_sdk_ec2, tags.clone());
            TagSpecification::builder().resource_type(kind).set_tags(Some(tags)).build()
        };
        let count = i32::try_from(names.len()).unwrap_or(i32::MAX);
        let profile = known(operation, "profile", &spec.profile)?;
        let image = known(operation, "image", &spec.image)?;
        let root = match &spec.root_device {
            Some(root) => known(operation, "root_device", root)?.as_str(),
            None => "/dev/sda1",
        };
        let disk = EbsBlockDevice::builder()
            .volume_size(
                spec.disk_gib.and_then(|gib| i32::try_from(gib).ok()).unwrap_or(DISK_DEFAULT_GIB),
            )
            .volume_type(VolumeType::Gp3)
            .encrypted(true)
            .delete_on_termination(true)
            .build();
        let mut call = self
            .api
            .ec2
            .run_instances()
            .image_id(image)
            .instance_type(InstanceType::from(spec.machine_type.as_str()))
            .min_count(count)
            .max_count(count)
            .subnet_id(known(operation, "subnet", &spec.subnet)?)
            .set_security_group_ids(Some(all_known(
                operation,
                "security_groups",
                &spec.security_groups,
            )?))
            .iam_instance_profile(IamInstanceProfileSpecification::builder().name(profile).build())
            .block_device_mappings(
                BlockDeviceMapping::builder().device_name(root).ebs(disk).build(),
            )
            .metadata_options(
                InstanceMetadataOptionsRequest::builder()
                    .http_endpoint(InstanceMetadataEndpointState::Enabled)
                    .http_tokens(HttpTokensState::Required)
                    .http_put_response_hop_limit(1)
                    .build(),
            )
            .tag_specifications(of(ResourceType::Instance))
            .tag_specifications(of(ResourceType::Volume))
            .client_token(token(requests, spec, user_data.as_deref()));
        if let Some(key) = &spec.key {
            call = call.key_name(known(operation, "key", key)?);
        }
        if let Some(user_data) = user_data {
            call = call.user_data(user_data);
        }
        let answer = self.api.run(operation, call.send()).await.map_err(explain)?;
        let home = self.home(answer.owner_id());
        Ok(answer
            .instances()
            .iter()
            .filter_map(|instance| found(cx, &Which::Owned, instance, &home))
            .collect())
    }

    /// Encodes the user-data in Base64, compressed where it has to be; cloud-init unpacks it.
    async fn user_data(
        &self,
        cx: &Context,
        operation: &str,
        requests: &[&Request],
    ) -> Result<Option<String>, CloudError> {
        let Some(boot) = &cx.boot else { return Ok(None) };
        let machines: Vec<BootingMachine<'_>> = requests
            .iter()
            .map(|(request, _)| BootingMachine {
                node: request.address.name(),
                key: &request.intent_key,
            })
            .collect();
        let text = boot.user_data(&machines, PLAIN_MAX_BYTES).await?;
        let bytes = packed(text.expose_secret().as_bytes())
            .map_err(|error| CloudError::new(ErrorKind::Local, operation, error.to_string()))?;
        if bytes.len() > USER_DATA_MAX_BYTES {
            let message = format!(
                "user-data has {} bytes even when compressed, {USER_DATA_MAX_BYTES} fit",
                bytes.len()
            );
            return Err(CloudError::new(ErrorKind::Invalid, operation, message));
        }
        Ok(Some(STANDARD.encode(bytes)))
    }
}

fn packed(text: &[u8]) -> std::io::Result<Vec<u8>> {
    if text.len() <= USER_DATA_MAX_BYTES {
        return Ok(text.to_vec());
    }
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(text)?;
    packer.finish()
}

fn tags(
    cx: &Context,
    requests: &[&Request],
    spec: &InstanceSpec,
    users: &[ownership::Pair],
) -> Vec<ownership::Pair> {
    let [(first, _), ..] = requests else { return Vec::new() };
    let mut more = vec![
        (ROLE.to_owned(), spec.role.clone()),
        (POOL.to_owned(), spec.pool.clone()),
        (REVISION.to_owned(), spec.revision.clone()),
        (kubernetes_tag(&cx.owner), "owned".to_owned()),
    ];
    if requests.len() > 1 {
        more.push(("Name".to_owned(), format!("{}-{}", cx.owner.cluster, spec.pool)));
        for (index, (request, _)) in requests.iter().enumerate() {
            let value = format!("{} {}", request.address.name(), request.intent_key);
            more.push((format!("{NODE}{index}"), value));
        }
    }
    let mut all = ownership::pairs(&cx.owner, &first.address, &first.intent_key, &more, users);
    if requests.len() > 1 {
        all.retain(|(key, _)| key != NAME && key != INTENT);
    }
    all
}

/// Derives the token of a call. Equal calls have equal tokens, and any difference gives another
/// one, because EC2 refuses a used token with other parameters.
fn token(requests: &[&Request], spec: &InstanceSpec, user_data: Option<&str>) -> String {
    let mut hash = Sha256::new();
    for (request, _) in requests {
        hash.update(request.intent_key.as_bytes());
    }
    hash.update(serde_json::to_vec(spec).unwrap_or_default());
    hash.update(user_data.unwrap_or_default().as_bytes());
    hex::encode(&hash.finalize()[..32])
}

/// Reports a call that was accepted and whose answer does not list this machine: it may exist.
fn explain(error: CloudError) -> CloudError {
    if error.message.starts_with("Unsupported:") {
        return error.with_hint("the type is not offered in that zone: `infra plan` checks it");
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_user_data_is_packed_and_short_is_not() {
        assert_eq!(packed(b"#cloud-config\n").unwrap(), b"#cloud-config\n");
        let long = "write_files: the same again\n".repeat(2000);
        let packed = packed(long.as_bytes()).unwrap();
        assert!(packed.len() < USER_DATA_MAX_BYTES && packed.starts_with(&[0x1f, 0x8b]));
    }
}
