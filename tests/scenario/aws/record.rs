//! The record in a bucket: one run at a time, and any machine resumes.

use serde_json::json;

use super::lab::{AwsLab, Config, more};
use crate::lab::Ran;

#[test]
fn the_record_in_a_bucket_goes_from_machine_to_machine() {
    let own = age::x25519::Identity::generate();
    let Some(first) = AwsLab::of(&Config::default()) else { return };
    let second = AwsLab::in_account(&Config::default(), first.keys.clone(), first.moto);
    let bucket = format!("records-{}", first.keys.account);
    for lab in [&first, &second] {
        let state = format!(
            "[state]\nbackend = \"s3://{bucket}/team\"\nrecipients = [\"{}\"]\nidentity = \"key.txt\"\n",
            own.to_public()
        );
        lab.lab.write("infra.toml", &(lab.lab.read("infra.toml") + &state));
        lab.lab.write("key.txt", age::secrecy::ExposeSecret::expose_secret(&own.to_string()));
    }
    let made = first.moto.send("PUT", &format!("/{bucket}"), "s3", "us-east-1", &first.keys.id, "");
    assert!(made.contains(" 200 "), "{made}");
    let before = first.inventory();

    // Throttled for a while: the same call is made again, and the lock is held meanwhile.
    first.moto.fault(
        &first.keys,
        json!({"call": "RunInstances", "code": "RequestLimitExceeded", "status": 503, "count": 1000,
               "message": "Request limit exceeded."}),
    );
    let mut run = first.start(&["apply", "--yes", "--phase", "infra"]);
    assert!(run.until_says("instance.worker-1: creating"));
    second.infra(&["apply", "--yes"]).expect(5).warns("is locked by");
    first.moto.clear_faults(&first.keys);
    run.wait().ok();

    // The other one has its keys in a profile.
    let keys = &second.keys;
    second.lab.write(
        "aws-credentials",
        &format!(
            "[ops]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
            keys.id, keys.secret, keys.token
        ),
    );
    let by_profile = |profile: &str, words: &[&str]| {
        let mut command = second.command(words);
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
            command.env_remove(name);
        }
        Ran::of(command.env("AWS_PROFILE", profile))
    };
    let plan = ["plan", "--phase", "infra", "--detailed-exitcode"];
    by_profile("ops", &plan).ok().says("No changes");
    by_profile("ops", &["state", "list"]).ok().says("instance.worker-1");
    let unknown = by_profile("nobody", &["state", "list"]).expect(4);
    unknown.warns("the bucket of [state]").warns("profile `nobody` was not defined");
    second.run(&["destroy", "--yes"]).ok();
    assert_eq!(more(&before, &first.inventory()), Vec::<String>::new());
}
