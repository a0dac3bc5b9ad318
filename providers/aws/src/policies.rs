//! IAM policy documents: what machines may do, and what the bucket refuses.

use infra_provider_api::{Owner, Role};
use serde_json::{Value, json};

use crate::ownership::{cluster_id, kubernetes_tag};

/// What IAM replaces by the ARN of the machine that makes the request.
const THIS_MACHINE: &str = "${ec2:SourceInstanceARN}";

/// Returns `aws`, or what China and GovCloud call it in names of resources.
pub(crate) fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// Reads a document as IAM returns it: percent-encoded, or plain.
pub(crate) fn read(text: &str) -> Value {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut two = rest.clone();
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (byte, digit(two.next()), digit(two.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = two;
            }
            _ => bytes.push(byte),
        }
    }
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

/// Lets machines take the role, and nobody else.
pub(crate) fn trust() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }],
    })
}

/// Requests without TLS are refused, whoever makes them.
pub(crate) fn tls_only(bucket: &str) -> Value {
    // The partition is that of any region: a bucket's policy may name its own bucket only.
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }],
    })
}

/// Lists what machines of a role may do. In the bucket each reads the artifacts and the files of its own
/// node, and writes its own report. Machines of a role share the policy, and AWS knows each by its ARN:
/// files are tagged with it when they are handed over, and the report has it in its key. By role,
/// workers may not read `nodes/control-plane/` however it is tagged: it holds the cluster's keys.
pub(crate) fn machine(role: Role, bucket: &str, region: &str, owner: &Owner) -> Value {
    let partition = partition(region);
    let object = |key: &str| format!("arn:{partition}:s3:::{bucket}/{key}");
    // A bucket of that name in another account is not the cluster's.
    let own = || json!({"StringEquals": {"s3:ResourceAccount": "${aws:PrincipalAccount}"}});
    let mut handed_over = own();
    handed_over["StringEquals"]["s3:ExistingObjectTag/machine"] = THIS_MACHINE.into();
    let mut statements = vec![
        json!({
            "Sid": "ReadArtifacts",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": [object("artifacts/*")],
            "Condition": own(),
        }),
        json!({
            "Sid": "ReadOwnFiles",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": [object(&format!("nodes/{}/*", role.as_str()))],
            "Condition": handed_over,
        }),
        json!({
            "Sid": "WriteOwnReport",
            "Effect": "Allow",
            "Action": ["s3:PutObject"],
            "Resource": [object(&format!("status/{THIS_MACHINE}.json"))],
            "Condition": own(),
        }),
    ];
    if role == Role::ControlPlane {
        statements.push(json!({
            "Sid": "SeeTurns",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": [object("turns/*")],
            "Condition": own(),
        }));
        statements.push(json!({
            "Sid": "BurnKeys",
            "Effect": "Allow",
            "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            "Resource": [object("nodes/control-plane/*/pki.tar.gz")],
            "Condition": own(),
        }));
        statements.extend(controllers(owner));
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Lists what the cloud controller manager and the volume driver need; both run on control planes,
/// in the machine's network. Changes are allowed on resources that carry the cluster's tag.
fn controllers(owner: &Owner) -> Vec<Value> {
    let tag = kubernetes_tag(owner);
    let id = cluster_id(owner);
    vec![
        json!({
            "Sid": "See",
            "Effect": "Allow",
            "Action": [
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeTags",
                "ec2:Describe*",
                "elasticloadbalancing:Describe*",
                "kms:DescribeKey",
            ],
            "Resource": "*",
        }),
        json!({
            "Sid": "Make",
            "Effect": "Allow",
            "Action": [
                "ec2:CreateVolume",
                "elasticloadbalancing:CreateListener",
                "elasticloadbalancing:CreateLoadBalancer",
                "elasticloadbalancing:CreateTargetGroup",
            ],
            "Resource": "*",
            "Condition": {"StringEquals": {format!("aws:RequestTag/{tag}"): "owned"}},
        }),
        json!({
            "Sid": "MakeGroup",
            "Effect": "Allow",
            "Action": ["ec2:CreateSecurityGroup", "iam:CreateServiceLinkedRole"],
            "Resource": "*",
        }),
        json!({
            "Sid": "TagWhatIsMade",
            "Effect": "Allow",
            "Action": ["ec2:CreateTags", "elasticloadbalancing:AddTags"],
            "Resource": "*",
            "Condition": {"StringEquals": {format!("aws:RequestTag/{tag}"): "owned"}},
        }),
        json!({
            "Sid": format!("Change{}", id.chars().filter(char::is_ascii_alphanumeric).collect::<String>()),
            "Effect": "Allow",
            "Action": [
                "ec2:AttachVolume",
                "ec2:AuthorizeSecurityGroupIngress",
                "ec2:CreateTags",
                "ec2:DeleteSecurityGroup",
                "ec2:DeleteVolume",
                "ec2:DetachVolume",
                "ec2:ModifyInstanceAttribute",
                "ec2:ModifyVolume",
                "ec2:RevokeSecurityGroupIngress",
                "elasticloadbalancing:*",
            ],
            "Resource": "*",
            "Condition": {"StringEquals": {format!("aws:ResourceTag/{tag}"): "owned"}},
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner { cluster: "shop".into(), uuid: uuid::Uuid::from_u128(0x1234_5678 << 96) }
    }

    #[test]
    fn workers_see_nothing_of_control_planes() {
        let policy = machine(Role::Worker, "b", "eu-central-1", &owner()).to_string();
        assert!(!policy.contains("control-plane") && !policy.contains("\"ec2:"));
        assert!(policy.contains("arn:aws:s3:::b/artifacts/*"));
        let policy = machine(Role::ControlPlane, "b", "cn-north-1", &owner()).to_string();
        assert!(policy.contains("arn:aws-cn:s3:::b/nodes/control-plane/*"));
        // IAM's limit of all inline policies of a role.
        assert!(policy.len() < 10_240);
    }

    #[test]
    fn each_machine_reads_its_own_files_and_writes_its_own_report() {
        for role in [Role::Worker, Role::ControlPlane] {
            let policy = machine(role, "b", "eu-central-1", &owner());
            let statements = policy["Statement"].as_array().unwrap();
            let about = |key: &str| {
                let resources = |one: &Value| one["Resource"].to_string().contains(key);
                let found: Vec<&Value> = statements.iter().filter(|one| resources(one)).collect();
                found
            };
            let files = about(&format!("/nodes/{}/*\"", role.as_str()));
            assert_eq!(files.len(), 1, "{policy}");
            let tag = &files[0]["Condition"]["StringEquals"]["s3:ExistingObjectTag/machine"];
            assert_eq!(tag, "${ec2:SourceInstanceARN}");
            let reports = about("/status/");
            assert_eq!(reports.len(), 1, "{policy}");
            let report = "arn:aws:s3:::b/status/${ec2:SourceInstanceARN}.json";
            assert_eq!(reports[0]["Resource"], json!([report]));
        }
    }

    #[test]
    fn documents_come_back_encoded() {
        let policy = trust();
        let encoded: String =
            policy.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(read(&encoded), policy);
        assert_eq!(read(&policy.to_string()), policy);
    }
}
