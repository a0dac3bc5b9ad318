//! The record in a bucket: one run at a time, and any machine goes on.

use serde_json::json;

use super::lab::{AwsLab, Config, more};

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

    second.infra(&["plan", "--detailed-exitcode"]).ok().says("No changes");
    second.run(&["destroy", "--yes"]).ok();
    assert_eq!(more(&before, &first.inventory()), Vec::<String>::new());
}
