//! What the policies of machines let each of them do in the bucket, once all are made. moto does not
//! enforce policies, so they are read back from it and judged here, by the rules that they use.

use serde_json::{Value, json};

use super::{
    lab::{AwsLab, Config, more},
    moto::texts,
};

const NODES: [&str; 5] =
    ["control-plane-1", "control-plane-2", "control-plane-3", "worker-1", "worker-2"];

/// One request of a machine to the bucket.
struct Request<'a> {
    action: &'a str,
    key: &'a str,
    /// The ARN of the machine that makes it.
    machine: &'a str,
    /// The value of the object's tag `machine`.
    tag: Option<&'a str>,
}

/// Whether `text` fits a pattern of IAM, which has stars.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| fits(rest, text)))
        }),
    }
}

fn texts_of(value: &Value) -> Vec<String> {
    let all = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    all.iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// Whether some statement allows the request. Unknown conditions allow nothing.
fn allows(policy: &Value, bucket: &str, request: &Request<'_>) -> bool {
    let filled = |text: &str| {
        text.replace("${ec2:SourceInstanceARN}", request.machine)
            .replace("${aws:PrincipalAccount}", "own")
    };
    let object = format!("arn:aws:s3:::{bucket}/{}", request.key);
    policy["Statement"].as_array().unwrap().iter().any(|statement| {
        let conditions = statement["Condition"].as_object().cloned().unwrap_or_default();
        let met = conditions.iter().all(|(operator, pairs)| {
            pairs.as_object().unwrap().iter().all(|(name, value)| {
                let wanted = filled(value.as_str().unwrap());
                let is = match name.as_str() {
                    "s3:ResourceAccount" => Some("own"),
                    "s3:ExistingObjectTag/machine" => request.tag,
                    _ => None,
                };
                operator == "StringEquals" && is == Some(wanted.as_str())
            })
        });
        met && statement["Effect"] == "Allow"
            && texts_of(&statement["Action"]).iter().any(|one| fits(one, request.action))
            && texts_of(&statement["Resource"]).iter().any(|one| fits(&filled(one), &object))
    })
}

/// The bucket and the policies of an account.
struct Account<'a> {
    lab: &'a AwsLab,
    bucket: String,
}

impl Account<'_> {
    fn s3(&self, path: &str) -> String {
        self.lab.moto.get(&format!("/{}{path}", self.bucket), "s3", "us-east-1", &self.lab.keys.id)
    }

    fn keys(&self, prefix: &str) -> Vec<String> {
        texts(&self.s3(&format!("?list-type=2&prefix={prefix}")), "Key")
    }

    fn tag(&self, key: &str) -> Option<String> {
        texts(&self.s3(&format!("/{key}?tagging")), "Value").pop()
    }

    fn policy(&self, node: &str) -> Value {
        let role = node.rsplit_once('-').unwrap().0;
        let names = texts(&self.lab.iam("Action=ListRoles"), "RoleName");
        let name = names.iter().find(|name| name.contains(&format!("-{role}"))).unwrap();
        let asked = format!("Action=ListRolePolicies&RoleName={name}");
        let policy = texts(&self.lab.iam(&asked), "member").pop().unwrap();
        let asked = format!("Action=GetRolePolicy&RoleName={name}&PolicyName={policy}");
        let document = texts(&self.lab.iam(&asked), "PolicyDocument").pop().unwrap();
        let mut decoded = url::form_urlencoded::parse(document.as_bytes());
        let text = decoded.next().unwrap().0.into_owned();
        serde_json::from_str(&text).unwrap()
    }

    fn machine(&self, node: &str) -> String {
        let all = self.lab.run(&["output", "--json"]).ok();
        let all: Value = serde_json::from_str(&all.stdout).unwrap();
        all[format!("instance.{node}")]["arn"].as_str().unwrap().to_owned()
    }
}

fn role_of(node: &str) -> &str {
    node.rsplit_once('-').unwrap().0
}

#[test]
fn each_machine_reads_its_own_files_and_writes_its_own_report() {
    let config = Config { control_planes: 3, ..Config::default() };
    let Some(lab) = AwsLab::of(&config) else { return };
    let before = lab.inventory();
    lab.infra(&["apply", "--yes"]).ok();
    let bucket = lab.inventory()["bucket"].difference(&before["bucket"]).next().unwrap().clone();
    let account = Account { lab: &lab, bucket };
    let judge = |node: &str, action: &str, key: &str| {
        let (machine, tag) = (account.machine(node), account.tag(key));
        let request = Request { action, key, machine: &machine, tag: tag.as_deref() };
        allows(&account.policy(node), &account.bucket, &request)
    };
    for owner in NODES {
        let files = account.keys(&format!("nodes/{}/{owner}/", role_of(owner)));
        assert_eq!(files.len(), if role_of(owner) == "worker" { 1 } else { 2 }, "{files:?}");
        let report = format!("status/{}.json", account.machine(owner));
        for node in NODES {
            for file in &files {
                assert_eq!(judge(node, "s3:GetObject", file), node == owner, "{node} reads {file}");
                assert!(!judge(node, "s3:PutObject", file), "{node} writes {file}");
                assert!(!judge(node, "s3:PutObjectTagging", file), "{node} tags {file}");
            }
            assert_eq!(judge(node, "s3:PutObject", &report), node == owner, "{node} as {owner}");
        }
    }
    let artifact = account.keys("artifacts/").pop().unwrap();
    assert!(judge("worker-1", "s3:GetObject", &artifact), "{artifact}");

    // Another machine under the name of the first is handed the files, and the first has none.
    let first = account.machine("worker-1");
    let plan = lab.infra(&["plan", "--replace", "instance.worker-1"]).ok();
    assert!(plan.changed("-/+").contains(&"handover.worker-1".to_owned()), "{plan}");
    lab.infra(&["apply", "--yes", "--replace", "instance.worker-1"]).ok();
    let second = account.machine("worker-1");
    assert_ne!(first, second);
    let file = account.keys("nodes/worker/worker-1/").pop().unwrap();
    assert_eq!(account.tag(&file).as_deref(), Some(second.as_str()));
    assert_eq!(account.keys("handovers/worker-1/"), [format!("handovers/worker-1/{second}")]);
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new());
}

#[test]
fn a_run_that_is_killed_before_the_handover_is_resumed() {
    let Some(lab) = AwsLab::of(&Config::default()) else { return };
    let before = lab.inventory();
    let fault = json!({"call": "PutObjectTagging", "code": "SlowDown", "status": 503,
                       "count": 100_000, "message": "Reduce your request rate."});
    lab.moto.fault(&lab.keys, fault);
    let mut run = lab.start(&["apply", "--yes", "--phase", "infra"]);
    assert!(run.until_says("handover.worker-1: creating"));
    run.kill();
    let machines = lab.inventory()["instanceId"].clone();
    let bucket = lab.inventory()["bucket"].difference(&before["bucket"]).next().unwrap().clone();
    let account = Account { lab: &lab, bucket };
    let file = account.keys("nodes/worker/worker-1/").pop().unwrap();
    assert_eq!(account.tag(&file), None);
    lab.moto.clear_faults(&lab.keys);

    // A targeted machine is handed its files, too.
    lab.infra(&["apply", "--yes", "--target", "instance.worker-1"]).ok();
    let worker = account.machine("worker-1");
    assert_eq!(account.tag(&file), Some(worker), "the bundle that the machine was made with");
    lab.infra(&["apply", "--yes"]).ok();
    let all = lab.inventory()["instanceId"].clone();
    assert!(machines.is_subset(&all) && all.difference(&before["instanceId"]).count() == 3);
    lab.infra(&["plan", "--detailed-exitcode"]).ok();

    // The marker is deleted by hand: the files are handed over again.
    let marker = account.keys("handovers/worker-1/").pop().unwrap();
    let path = format!("/{}/{marker}", account.bucket);
    lab.moto.send("DELETE", &path, "s3", "us-east-1", &lab.keys.id, "");
    let plan = lab.infra(&["plan", "--detailed-exitcode"]).expect(2);
    assert_eq!(plan.changed("+"), ["handover.worker-1"], "{plan}");
    lab.infra(&["apply", "--yes"]).ok();
    lab.infra(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new());
}
