//! A folder with an account of its own on moto.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use infra_provisioning::artifacts::{Arch, stand_ins};

use super::moto::{Keys, Moto, serving, texts};
use crate::lab::{Lab, Ran, Watched};

pub const REGION: &str = "eu-central-1";
/// An image that moto has.
pub const IMAGE: &str = "099720109477/ubuntu/images/hvm-ssd/ubuntu-*";

/// A small cluster.
#[derive(Clone, Debug)]
pub struct Config {
    pub name: &'static str,
    pub control_planes: usize,
    pub workers: usize,
    /// Lines more in `[providers.aws]`.
    pub settings: &'static str,
    /// Tables more.
    pub more: &'static str,
}

/// A key, a rule and a zone.
pub const DNS: &str = r#"
[ssh_keys]
ops = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ94r96iFZxcR4ULur54OWp3ee4dU9zgsgdyrWTnaQwZ ops@example.com"

[[firewall]]
ports = "22"
from = ["203.0.113.0/24"]

[dns]
domain = "shop.example.com"
ttl = 300
"#;

impl Default for Config {
    fn default() -> Self {
        Self { name: "lab", control_planes: 1, workers: 2, settings: "", more: "" }
    }
}

impl Config {
    pub fn toml(&self) -> String {
        let Self { name, control_planes, workers, settings, more } = self;
        format!(
            r#"[cluster]
name = "{name}"
provider = "aws"
kubernetes = "1.36.2"
tags = ["team=shop"]

[network]
machines = "10.110.0.0/16"
pods = "10.200.0.0/13"
services = "10.96.0.0/16"

[providers.aws]
region = "{REGION}"
image = "{IMAGE}"
{settings}

[pools.control-plane]
count = {control_planes}
vcpus = 2
memory = "4GiB"

[pools.worker]
count = {workers}
type = "t3.medium"

{more}
"#
        )
    }
}

/// Everything that exists in the account, by kind: ids.
pub type Inventory = BTreeMap<&'static str, BTreeSet<String>>;

/// A folder and an account.
pub struct AwsLab {
    pub lab: Lab,
    pub moto: &'static Moto,
    pub keys: Keys,
}

impl AwsLab {
    /// `None`, and a loud word, where there is no moto.
    pub fn of(config: &Config) -> Option<Self> {
        let moto = serving()?;
        Some(Self::in_account(config, moto.account(), moto))
    }

    /// A folder of its own in an account that others are in, too.
    pub fn in_account(config: &Config, keys: Keys, moto: &'static Moto) -> Self {
        Self::around(Lab::with(&config.toml()), keys, moto)
    }

    /// The same in a folder that is there.
    pub fn around(lab: Lab, keys: Keys, moto: &'static Moto) -> Self {
        let source = lab.file("source");
        stand_ins(&source, "1.36.2", Arch::Amd64).unwrap();
        let made = Self { lab, moto, keys };
        made.run(&[
            "artifacts",
            "fetch",
            "--from",
            source.to_str().unwrap(),
            "--allow-unknown-checksums",
        ])
        .ok();
        made
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.lab.bare(words);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
        command
            // What the example wants exported.
            .envs(
                ["PAYMENT_API_KEY", "MAIL_API_KEY", "MONGO_PASSWORD", "GRAFANA_PASSWORD"]
                    .map(|name| (name, "secret")),
            )
            .env("AWS_ENDPOINT_URL", self.moto.url())
            .env("AWS_ACCESS_KEY_ID", &self.keys.id)
            .env("AWS_SECRET_ACCESS_KEY", &self.keys.secret)
            .env("AWS_SESSION_TOKEN", &self.keys.token)
            .env("AWS_CONFIG_FILE", self.lab.file("aws-config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.lab.file("aws-credentials"))
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    pub fn run(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.command(words))
    }

    /// Runs a verb up to the infrastructure: no machine of moto's boots.
    pub fn infra(&self, words: &[&str]) -> Ran {
        self.run(&[words, &["--phase", "infra"]].concat())
    }

    pub fn start(&self, words: &[&str]) -> Watched {
        Watched::start(self.command(words))
    }

    /// An EC2 call and its answer.
    pub fn ec2(&self, query: &str) -> String {
        self.moto.post("ec2", REGION, &self.keys.id, &format!("Version=2016-11-15&{query}"))
    }

    pub fn elb(&self, query: &str) -> String {
        let body = format!("Version=2015-12-01&{query}");
        self.moto.post("elasticloadbalancing", REGION, &self.keys.id, &body)
    }

    pub fn iam(&self, query: &str) -> String {
        self.moto.post("iam", "us-east-1", &self.keys.id, &format!("Version=2010-05-08&{query}"))
    }

    pub fn inventory(&self) -> Inventory {
        let alive = "Filter.1.Name=instance-state-name&Filter.1.Value.1=pending\
                     &Filter.1.Value.2=running&Filter.1.Value.3=stopped";
        let not_deleted = "Filter.1.Name=state&Filter.1.Value.1=available";
        let ec2 = [
            ("vpcId", "DescribeVpcs", ""),
            ("subnetId", "DescribeSubnets", ""),
            ("internetGatewayId", "DescribeInternetGateways", ""),
            ("routeTableId", "DescribeRouteTables", ""),
            ("groupId", "DescribeSecurityGroups", ""),
            ("keyPairId", "DescribeKeyPairs", ""),
            ("allocationId", "DescribeAddresses", ""),
            ("natGatewayId", "DescribeNatGateways", not_deleted),
            ("instanceId", "DescribeInstances", alive),
            ("volumeId", "DescribeVolumes", ""),
        ];
        let mut all = Inventory::new();
        for (tag, action, filter) in ec2 {
            let answer = self.ec2(&format!("Action={action}&{filter}"));
            all.insert(tag, texts(&answer, tag).into_iter().collect());
        }
        let balancers = self.elb("Action=DescribeLoadBalancers");
        all.insert("balancer", texts(&balancers, "LoadBalancerArn").into_iter().collect());
        let groups = self.elb("Action=DescribeTargetGroups");
        all.insert("target_group", texts(&groups, "TargetGroupArn").into_iter().collect());
        let profiles = texts(&self.iam("Action=ListInstanceProfiles"), "InstanceProfileName");
        all.insert("profile", profiles.into_iter().collect());
        let roles = texts(&self.iam("Action=ListRoles"), "RoleName");
        all.insert("role", roles.into_iter().collect());
        let buckets = self.moto.get("/", "s3", "us-east-1", &self.keys.id);
        all.insert("bucket", texts(&buckets, "Name").into_iter().collect());
        let zones = self.moto.get("/2013-04-01/hostedzone", "route53", "us-east-1", &self.keys.id);
        all.insert("zone", texts(&zones, "Id").into_iter().collect());
        all
    }
}

/// What is in `after` and not in `before`, as `kind id`.
pub fn more(before: &Inventory, after: &Inventory) -> Vec<String> {
    let empty = BTreeSet::new();
    after
        .iter()
        .flat_map(|(kind, ids)| {
            let known = before.get(kind).unwrap_or(&empty);
            ids.difference(known).map(move |id| format!("{kind} {id}"))
        })
        .collect()
}

/// How many more of a kind.
pub fn count(before: &Inventory, after: &Inventory, kind: &str) -> usize {
    more(before, after).iter().filter(|one| one.starts_with(&format!("{kind} "))).count()
}
