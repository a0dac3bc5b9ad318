//! What a run logs, and what it never does.

use super::{
    aws::lab::{AwsLab, Config as AwsConfig},
    lab::{Config, Lab, Ran},
};

const SMALL: Config = Config { control_planes: 1, workers: 1 };

/// What gives away a header, a signed URL or a key.
const FORBIDDEN: [&str; 7] = [
    "PRIVATE KEY",
    "Authorization:",
    "\"Authorization\"",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
    "X-Amz-Credential",
    "Bearer ",
];

/// Everything that must not be in a log: tokens, keys, and what is in the cluster's secret files.
fn secrets(lab: &Lab) -> Vec<String> {
    let endpoint = lab.endpoint();
    let named = ["token", "cluster_token", "spaces_secret_access_key"];
    let mut all: Vec<String> =
        named.iter().map(|name| endpoint[*name].as_str().unwrap().to_owned()).collect();
    all.push(lab.read("ssl/lab/bootstrap.secret").trim().to_owned());
    all.extend(FORBIDDEN.map(str::to_owned));
    all
}

/// Fails unless `log` has lines of calls, each with its outcome, and none of `secrets`.
fn is_complete(log: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(!log.to_lowercase().contains(&secret.to_lowercase()), "{secret}");
    }
    // Machines and API servers that are not there yet don't answer. A store always does, so a call
    // without an answer would be a URL that was only signed.
    let calls = log.lines().filter(|line| line.contains("infra::call"));
    for call in calls.filter(|call| !call.contains("api=\"kubernetes\"")) {
        assert!(call.contains(" status=") && call.ends_with("answered"), "{call}");
    }
}

#[test]
fn each_call_is_logged_without_secrets() {
    let lab = SMALL.lab();
    let quiet = lab.run(&["plan"]).ok();
    assert!(!quiet.stderr.contains("call{"), "{}", quiet.stderr);

    let file = lab.file("run.log");
    let path = file.to_str().unwrap().to_owned();
    let mut command = lab.command(&["apply", "--yes", "--log-file", &path]);
    Ran::of(command.env("INFRA_LOG", "trace")).ok();
    let log = std::fs::read_to_string(&file).unwrap();
    for line in [
        "api=\"digitalocean\" method=\"POST\" path=\"/v2/load_balancers\" status=202",
        "api=\"kubernetes\" method=\"GET\"",
        "api=\"S3\" method=\"PUT\" path=\"PutObject /",
        "api=\"S3\" method=\"PUT\" path=\"CreateBucket /",
        "api=\"etcd\" method=\"POST\" path=\"/v3/cluster/member/list\"",
    ] {
        assert!(log.contains(line), "{line}");
    }
    let call = log.lines().find(|line| line.contains("/v2/load_balancers\" status=202")).unwrap();
    assert!(call.contains("duration_ms=") && call.contains("request_id="), "{call}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let once = lab.run(&["plan", "-v"]).ok();
    assert!(!once.stderr.contains("method=\"GET\""), "{}", once.stderr);
    let twice = lab.run(&["plan", "-vv"]).ok();
    assert!(twice.stderr.contains("method=\"GET\" path=\"/v2/droplets\""), "{}", twice.stderr);

    let embedded = lab.read(".infra/sim/sim.log");
    assert!(embedded.contains("path=\"/v2/load_balancers\" status=202"), "{embedded}");
    let secrets = secrets(&lab);
    is_complete(&log, &secrets);
    for text in [&twice.stderr, &embedded] {
        is_complete(text, &secrets);
    }

    let mut command = lab.command(&["plan"]);
    let refused = Ran::of(command.env("INFRA_LOG", "infra=loud")).expect(64);
    refused.warns("cannot read INFRA_LOG");
    lab.run(&["plan", "--log-file", "no/such/folder/log"]).expect(64).warns("cannot write the log");
}

#[test]
fn each_call_to_aws_is_logged_without_secrets() {
    let Some(aws) = AwsLab::of(&AwsConfig::default()) else { return };
    let file = aws.lab.file("run.log");
    let path = file.to_str().unwrap();
    let words = ["apply", "--yes", "--phase", "infra", "--log-file", path];
    Ran::of(aws.command(&words).env("INFRA_LOG", "trace")).ok();
    let log = std::fs::read_to_string(&file).unwrap();
    for line in [
        "path=\"GetCallerIdentity /\" status=200",
        "path=\"RunInstances /\" status=200",
        "path=\"CreateBucket /",
        "path=\"PutObject /",
        "path=\"CreateRole /",
    ] {
        assert!(log.contains(line), "{line}");
    }
    let mut secrets = vec![aws.keys.secret.clone(), aws.keys.token.clone()];
    secrets.push(aws.lab.read("ssl/lab/bootstrap.secret").trim().to_owned());
    secrets.extend(FORBIDDEN.map(str::to_owned));
    is_complete(&log, &secrets);
}
