//! Files of a newer version or of another cluster are refused with a sentence and left as they
//! were, and so is the cloud. `--sim` touches nothing but the embedded cloud.

use std::{io::ErrorKind, net::TcpListener};

use super::lab::{Config, Lab, Ran};

const SMALL: Config = Config { control_planes: 1, workers: 1 };

/// With the network of a cluster and no more.
fn started() -> Lab {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes", "--target", "vpc.main"]).ok();
    lab
}

/// Refused with `code` and these words; the file and the cloud are as before.
#[track_caller]
fn refused(lab: &Lab, file: &str, words: &[&str], code: i32, says: &[&str]) {
    let (text, cloud) = (lab.read(file), lab.inventory());
    let ran = lab.run(words).expect(code);
    for word in says {
        assert!(ran.stderr.contains(word), "no {word:?} in:\n{ran}");
    }
    assert_eq!(lab.read(file), text, "{file} was touched");
    assert_eq!(lab.inventory().ids(), cloud.ids());
}

#[test]
fn plan_files() {
    let lab = started();
    lab.run(&["plan", "--phase", "infra", "-o", "good.plan"]).ok();
    let good = lab.read("good.plan");
    let uuid = good.split("\"uuid\":\"").nth(1).unwrap()[..36].to_owned();
    let cases: [(&str, String, &[&str]); 5] = [
        ("newer", good.replacen("\"version\":1", "\"version\":9", 1), &["format 9"]),
        (
            "other",
            good.replacen(&uuid, "11111111-2222-5333-8444-555555555555", 1),
            &["was made for cluster lab (11111111"],
        ),
        ("empty", String::new(), &["not a plan file"]),
        ("list", "[1, 2]".to_owned(), &["not a plan file"]),
        ("cut", good[..good.len() / 2].to_owned(), &["not a plan file"]),
    ];
    for (name, text, says) in cases {
        let file = format!("{name}.plan");
        assert_ne!(text, good, "{name}");
        lab.write(&file, &text);
        refused(&lab, &file, &["apply", &file], 6, says);
    }
    lab.run(&["apply", "good.plan"]).ok();
}

#[test]
fn records_and_locks() {
    let lab = started();
    let identity = lab.read(".infra/lab/identity.json");
    let apply = &["apply", "--yes"][..];

    // The journal of another cluster, whole as it is.
    let other = Lab::with(&SMALL.toml().replacen("\"lab\"", "\"other\"", 1));
    other.run(&["apply", "--yes", "--target", "vpc.main"]).ok();
    let journal = lab.read(".infra/lab/journal");
    lab.write(".infra/lab/journal", &other.read(".infra/other/journal"));
    refused(&lab, ".infra/lab/journal", apply, 9, &["belongs to cluster other", "move them aside"]);
    lab.write(".infra/lab/journal", &journal);

    // A snapshot of a newer version, an identity of a newer one and of another cluster.
    lab.write(".infra/lab/snapshot.json", "{\"version\":9,\"shape\":\"unknown\"}");
    refused(&lab, ".infra/lab/snapshot.json", apply, 9, &["format 9", "newer"]);
    std::fs::remove_file(lab.file(".infra/lab/snapshot.json")).unwrap();
    lab.write(".infra/lab/identity.json", "{\"version\":9}");
    refused(&lab, ".infra/lab/identity.json", apply, 9, &["format 9", "newer"]);
    lab.write(".infra/lab/identity.json", &other.read(".infra/other/identity.json"));
    refused(&lab, ".infra/lab/identity.json", apply, 9, &["belongs to cluster other"]);
    lab.write(".infra/lab/identity.json", &identity);

    // A lock of a newer version, and one that another machine holds.
    lab.write(".infra/lab/lock", "{\"version\":9,\"held\":{\"by\":\"somebody\"}}\n");
    refused(&lab, ".infra/lab/lock", apply, 9, &["format 9", "newer"]);
    let held = "{\"version\":1,\"holder\":{\"user\":\"ops\",\"host\":\"elsewhere.example.com\",\"pid\":7},\"verb\":\"destroy\",\"acquired_at\":\"2020-01-01T00:00:00Z\",\"expires_at\":\"2100-01-01T00:00:00Z\"}\n";
    lab.write(".infra/lab/lock", held);
    refused(&lab, ".infra/lab/lock", apply, 5, &["ops@elsewhere.example.com", "destroy", "2020"]);
    lab.write(".infra/lab/lock", "");
    lab.run(&["apply", "--yes", "--target", "vpc.main"]).ok();
}

#[test]
fn sim_touches_no_other_cloud() {
    let real = TcpListener::bind("127.0.0.1:0").unwrap();
    real.set_nonblocking(true).unwrap();
    let url = format!("http://{}", real.local_addr().unwrap());
    let lab = SMALL.lab();
    let run = |words: &[&str]| {
        let mut command = lab.command(words);
        command.env("DIGITALOCEAN_TOKEN", "dop_v1_real").env("DIGITALOCEAN_API_URL", &url);
        command.env("SPACES_ACCESS_KEY_ID", "real").env("SPACES_SECRET_ACCESS_KEY", "real");
        command.env("SPACES_ENDPOINT_URL", &url).env("AWS_ENDPOINT_URL", &url);
        command.env("HTTPS_PROXY", &url).env("HTTP_PROXY", &url).env("ALL_PROXY", &url);
        Ran::of(&mut command)
    };
    run(&["apply", "--yes", "--target", "bucket.artifacts", "--target", "vpc.main"]).ok();
    assert_eq!(lab.inventory().of("buckets").len(), 1);
    run(&["destroy", "--yes"]).ok();
    let asked = real.accept().map(|(_, from)| from);
    assert!(asked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "it was asked");

    // The record of a cluster that is not on this embedded cloud is not its business.
    let identity = lab.read(".infra/lab/identity.json");
    let uuid = identity.split("\"uuid\": \"").nth(1).unwrap()[..36].to_owned();
    let elsewhere = identity.replacen(&uuid, "11111111-2222-5333-8444-555555555555", 1);
    for name in ["journal", "snapshot.json"] {
        let _ = std::fs::remove_file(lab.file(".infra/lab").join(name));
    }
    lab.write(".infra/lab/identity.json", &elsewhere);
    let words = ["apply", "--yes"];
    refused(&lab, ".infra/lab/identity.json", &words, 9, &["not on this embedded cloud"]);
    assert!(!lab.file(".infra/lab/journal").exists(), "nothing was recorded");
}
