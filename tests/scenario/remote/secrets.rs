//! What lies in the bucket, and who can read it.

use super::{APPLY, BUCKET, PLAN, lab, toml};
use crate::lab::{Lab, ctrl_c_after_the_answer, ctrl_c_at_the_question};

/// So that there is an authority for sites, too.
const TLS: &str = "\n[tls]\nissuer = \"own\"\n";

fn contains(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

/// Things of the cluster that nobody may read in the bucket.
fn secrets(lab: &Lab) -> Vec<String> {
    let mut all = vec!["PRIVATE KEY".to_owned(), "AGE-SECRET-KEY".to_owned()];
    for name in
        ["ca.key", "etcd-ca.key", "front-proxy-ca.key", "sa.key", "admin.key", "site-ca.key"]
    {
        let key = lab.read(&format!("ssl/lab/{name}"));
        all.push(key.lines().nth(1).unwrap().to_owned());
    }
    let kubeconfig = lab.read("ssl/lab/kubeconfig");
    let own = kubeconfig.lines().find(|line| line.contains("client-key-data")).unwrap();
    all.push(own.split_whitespace().last().unwrap().to_owned());
    all.push(lab.read("ssl/lab/bootstrap.secret").trim().to_owned());
    let keys: serde_json::Value =
        serde_json::from_str(&lab.read("ssl/lab/encryption.keys")).unwrap();
    all.push(keys["keys"][0]["secret"].as_str().unwrap().to_owned());
    let endpoint = lab.endpoint();
    for name in ["token", "spaces_secret_access_key"] {
        all.push(endpoint[name].as_str().unwrap().to_owned());
    }
    all
}

#[track_caller]
fn assert_unreadable(lab: &Lab, more: &[&str]) {
    let mut secrets = secrets(lab);
    secrets.extend(more.iter().map(|one| (*one).to_owned()));
    assert!(secrets.len() >= 13 && secrets.iter().all(|one| one.len() > 8), "{secrets:?}");
    let objects = lab.objects(BUCKET);
    assert!(objects.keys().filter(|key| key.ends_with(".age")).count() >= 9, "{objects:?}");
    for (key, bytes) in &objects {
        for secret in &secrets {
            assert!(!contains(bytes, secret), "{key} holds a secret");
        }
        assert!(contains(bytes, "age-encryption.org/v1") || !key.ends_with(".age"), "{key}");
    }
}

#[test]
fn a_record_in_a_bucket_serves_any_machine_and_tells_no_secret() {
    let lab = lab(TLS);
    lab.run(&APPLY).ok();
    lab.run(&PLAN).ok().says("No changes");
    assert!(!lab.file(".infra/lab/journal").exists(), "the state is not here");
    assert_unreadable(&lab, &[]);
    let ca = lab.read("ssl/lab/ca.key");
    let before = lab.inventory();

    // Another machine: nothing here but the file and the key.
    std::fs::remove_dir_all(lab.file("ssl")).unwrap();
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
    lab.run(&PLAN).ok().says("No changes");
    assert_eq!(lab.read("ssl/lab/ca.key"), ca);
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(lab.file("ssl/lab/ca.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    lab.run(&APPLY).ok();
    assert_eq!(lab.inventory().ids_of("droplets"), before.ids_of("droplets"));

    // One without the key learns nothing, and learns which key it lacks.
    std::fs::remove_dir_all(lab.file("ssl")).unwrap();
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
    std::fs::rename(lab.file("key.txt"), lab.file("away.txt")).unwrap();
    lab.run(&PLAN).expect(1).warns("key.txt");
    std::fs::rename(lab.file("away.txt"), lab.file("key.txt")).unwrap();

    lab.run(&["destroy", "--yes"]).ok();
    let left = lab.objects(BUCKET);
    assert!(left.keys().all(|key| !key.contains("/files/")), "{:?}", left.keys());
    assert!(!lab.file("ssl/lab").exists());
    for (kind, all) in lab.inventory().0.as_object().unwrap() {
        let left = all.as_array().map_or(0, Vec::len);
        let expected = usize::from(kind == "buckets");
        assert!(kind == "tags" || left == expected, "{left} {kind}: {all}");
    }
}

#[test]
fn a_passphrase_will_do_too() {
    let lab = Lab::with(&toml(TLS));
    lab.run(&APPLY).expect(4).warns("INFRA_STATE_PASSPHRASE");
    assert!(lab.inventory().of("vpcs").is_empty(), "nothing was begun");
    let with = |phrase: &str, words: &[&str]| {
        crate::lab::Ran::of(lab.command(words).env("INFRA_STATE_PASSPHRASE", phrase))
    };
    with("correct horse battery", &APPLY).ok();
    assert_unreadable(&lab, &["correct horse battery"]);
    std::fs::remove_dir_all(lab.file("ssl")).unwrap();
    with("wrong", &PLAN).expect(1).warns("the passphrase does not open");
    lab.write("phrase.txt", "correct horse battery\n");
    let mut plan = lab.command(&PLAN);
    crate::lab::Ran::of(plan.env("INFRA_STATE_PASSPHRASE_FILE", "phrase.txt")).ok();
}

#[test]
fn ctrl_c_at_the_passphrase_ends_the_run_and_the_terminal_echoes_again() {
    let lab = Lab::with(&toml(""));
    lab.start_cloud();
    let Some(ran) = ctrl_c_at_the_question(&lab.command(&APPLY)) else { return };
    ran.expect(130).says("interrupted at the question for the passphrase");
    assert!(lab.inventory().of("vpcs").is_empty(), "nothing was begun");
}

#[test]
fn ctrl_c_after_the_passphrase_ends_a_verb_that_only_reads() {
    let lab = Lab::with(&toml(""));
    const PHRASE: &str = "correct horse battery";
    crate::lab::Ran::of(lab.command(&APPLY).env("INFRA_STATE_PASSPHRASE", PHRASE)).ok();
    std::fs::remove_dir_all(lab.file("ssl")).unwrap();
    // The passphrase is asked for to read the first file, and the others never come.
    let files = format!("/{BUCKET}/clusters/lab/files/*.age");
    let slow = ["slow", "--api", "s3", "--method", "GET", "--delay-ms", "6000000"];
    lab.fault(&[&slow[..], &["--path", &files, "--after", "1"]].concat());
    let Some(ran) = ctrl_c_after_the_answer(&lab.command(&["certs"]), PHRASE) else { return };
    let ran = ran.expect(130);
    assert!(!ran.stdout.contains("interrupted at the question"), "{ran}");
    assert!(!ran.stdout.contains(PHRASE), "{ran}");
}
