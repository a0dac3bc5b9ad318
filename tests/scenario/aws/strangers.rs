//! What a stranger in another account tries who knows account, region and name of a cluster: how its
//! bucket's name begins follows from them, and so does its mark.

use infra::state::store::derived_uuid;
use infra_provider_api::Owner;

use super::lab::{AwsLab, Config, REGION};

/// The stranger has made the bucket beforehand, marked it, and lets everybody in.
#[test]
fn a_bucket_of_another_account_receives_nothing() {
    let Some(lab) = AwsLab::of(&Config::default()) else { return };
    let uuid = derived_uuid("aws", &format!("{}/{REGION}", lab.keys.account), "lab");
    let owner = Owner { cluster: "lab".into(), uuid };
    let stranger = lab.moto.account();
    let bucket = format!("/infra-lab-{}", owner.short());
    let send = |method: &str, path: &str, body: &str| {
        let answer = lab.moto.send(method, path, "s3", "us-east-1", &stranger.id, body);
        assert!(answer.contains(" 200 ") || answer.contains(" 204 "), "{answer}");
        answer
    };
    send("PUT", &bucket, "");
    let tag = |key: &str, value: &str| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    let tags = tag("infra.dev/owner", &uuid.to_string()) + &tag("infra.dev/name", "artifacts");
    let tagging = format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
    send("PUT", &format!("{bucket}?tagging"), &tagging);

    // A name that nobody can tell beforehand is not in the way.
    let shown = lab.infra(&["plan", "-v"]).ok().stdout;
    assert!(shown.contains(&format!("{}-", &bucket[1..])), "{shown}");
    let toml = lab.lab.read("infra.toml");
    lab.lab.write("infra.toml", &format!("{toml}[artifacts]\nbucket = \"{}\"\n", &bucket[1..]));
    for _ in 0..2 {
        let ran = lab.infra(&["apply", "--yes"]).expect(8);
        let ran = ran.warns("belongs to another account").warns("under [artifacts]");
        assert!(
            !ran.stderr.contains("instance.worker-1: creating"),
            "no machine without it: {ran}"
        );
        let listed = send("GET", &format!("{bucket}?list-type=2"), "");
        assert!(!listed.contains("<Key>"), "the stranger has {listed}");
    }
    // A name that the stranger has not made leads out of it.
    let own = format!("[artifacts]\nbucket = \"own-{}\"\n", lab.keys.account);
    lab.lab.write("infra.toml", &(toml + &own));
    lab.infra(&["apply", "--yes"]).ok();
    lab.infra(&["plan", "--detailed-exitcode"]).ok();
}

/// A run that was killed between making and marking its bucket left it empty.
#[test]
fn a_bucket_that_was_not_marked_yet_is_taken_and_found_without_a_record() {
    let Some(lab) = AwsLab::of(&Config { workers: 1, ..Config::default() }) else { return };
    let empty = lab.inventory();
    let uuid = derived_uuid("aws", &format!("{}/{REGION}", lab.keys.account), "lab");
    let owner = Owner { cluster: "lab".into(), uuid };
    let bucket = format!("infra-lab-{}-abc1234", owner.short());
    let made = lab.moto.send(
        "PUT",
        &format!("/{bucket}"),
        "s3",
        REGION,
        &lab.keys.id,
        &format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint>\
                  </CreateBucketConfiguration>"
        ),
    );
    assert!(made.contains(" 200 "), "{made}");
    lab.infra(&["apply", "--yes"]).ok();
    std::fs::remove_dir_all(lab.lab.file(".infra/lab")).unwrap();
    lab.infra(&["apply", "--yes"]).ok();
    let buckets = lab.inventory()["bucket"].clone();
    assert_eq!(buckets.difference(&empty["bucket"]).collect::<Vec<_>>(), [&bucket]);
    lab.run(&["destroy", "--yes"]).ok();
    let left = lab.inventory();
    assert!(!left["bucket"].contains(&bucket), "{left:?}");
}

/// The same with the bucket of `[state]`.
#[test]
fn state_is_not_written_to_a_bucket_of_another_account() {
    let Some(lab) = AwsLab::of(&Config::default()) else { return };
    let stranger = lab.moto.account();
    let bucket = format!("state-{}", stranger.account);
    let made = lab.moto.send("PUT", &format!("/{bucket}"), "s3", "us-east-1", &stranger.id, "");
    assert!(made.contains(" 200 "), "{made}");
    let state = |account: &str| {
        let line = format!("\n[state]\nbackend = \"s3://{bucket}\"\naccount = \"{account}\"\n");
        lab.lab.write("infra.toml", &(Config::default().toml() + &line));
        let mut command = lab.command(&["apply", "--yes", "--phase", "infra"]);
        command.env("INFRA_STATE_PASSPHRASE", "correct horse battery staple");
        crate::lab::Ran::of(&mut command)
    };
    state(&lab.keys.account).expect(4).warns("may not be used with these credentials");
    let path = format!("/{bucket}?list-type=2");
    let listed = lab.moto.send("GET", &path, "s3", "us-east-1", &stranger.id, "");
    assert!(listed.contains(" 200 ") && !listed.contains("<Key>"), "{listed}");
    // A team's account of its own may hold the state, where infra.toml says so.
    state(&stranger.account).ok();
}
