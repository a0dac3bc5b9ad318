//! What machines join with is for one boot of one machine, and goes when that is over.

use std::process::{Command, Stdio};

use super::lab::{Config, Kubectl, Lab};

const SMALL: Config = Config { control_planes: 1, workers: 1 };

/// The objects of the cluster's bucket whose key ends so.
fn objects(lab: &Lab, end: &str) -> Vec<(String, Vec<u8>)> {
    let buckets = lab.inventory().names("buckets");
    let [bucket] = buckets.as_slice() else { panic!("one bucket: {buckets:?}") };
    lab.objects(bucket).into_iter().filter(|(key, _)| key.ends_with(end)).collect()
}

/// The copies of the cluster's keys that whoever has their URL could fetch.
fn key_bundles(lab: &Lab) -> Vec<String> {
    objects(lab, "pki.tar.gz").into_iter().map(|(key, _)| key).collect()
}

/// The token that the bundle of `node` holds.
fn token(lab: &Lab, node: &str) -> String {
    let folder = format!("/{node}/");
    let bundles = objects(lab, "bundle.tar.gz");
    let (_, archive) = bundles.iter().find(|(key, _)| key.contains(&folder)).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["-xzOf", "-", "kubeadm.yaml"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut tar = tar.spawn().unwrap();
    std::io::Write::write_all(&mut tar.stdin.take().unwrap(), archive).unwrap();
    let text = String::from_utf8(tar.wait_with_output().unwrap().stdout).unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("token: ")).unwrap();
    line.trim_matches('"').to_owned()
}

fn bootstrap_tokens(kubectl: &Kubectl) -> Vec<Vec<String>> {
    let only = "--field-selector=type=bootstrap.kubernetes.io/token";
    kubectl.rows(&["secrets", "--namespace", "kube-system", only])
}

#[test]
fn keys_are_burnt_when_the_boot_fails_or_no_machine_comes() {
    let lab = SMALL.lab();
    lab.start_cloud();
    // No machine: the account may not create droplets.
    lab.fault(&["403", "--api", "digitalocean", "--method", "POST", "--path", "/v2/droplets"]);
    lab.run(&["apply", "--yes"]).expect(8);
    assert!(lab.struck() > 0);
    assert_eq!(key_bundles(&lab), Vec::<String>::new(), "a quota, a refusal");
    lab.run_bare(&["sim", "fault", "clear"]).ok();

    // The machine breaks down before it has fetched them.
    lab.fault(&["boot_fails", "--machine", "control-plane-1"]);
    lab.run(&["apply", "--yes"]).expect(8);
    assert_eq!(lab.inventory().names("droplets"), ["control-plane-1", "worker-1"]);
    assert_eq!(key_bundles(&lab), Vec::<String>::new(), "a boot that failed");
    lab.run_bare(&["sim", "fault", "clear"]).ok();

    // The cluster is made in the end.
    lab.run(&["apply", "--yes", "--replace", "droplet.control-plane-1"]).ok();
    assert_eq!(key_bundles(&lab), Vec::<String>::new());
    lab.run(&["plan", "--detailed-exitcode"]).ok();
}

#[test]
fn keys_stay_while_a_machine_may_wait_for_them() {
    let lab = SMALL.lab();
    lab.start_cloud();
    // Killed between publishing and creating: nobody swept, and the next run needs them again.
    let slow = ["slow", "--api", "digitalocean", "--method", "POST", "--path", "/v2/droplets"];
    lab.fault(&[&slow[..], &["--delay-ms", "600000"]].concat());
    let mut run = lab.start(&["apply", "--yes"]);
    assert!(run.until(|| lab.struck() > 0));
    run.kill();
    lab.run_bare(&["sim", "fault", "clear"]).ok();
    assert_eq!(key_bundles(&lab).len(), 1);
    assert_eq!(lab.inventory().names("droplets"), Vec::<String>::new());
    // A run that creates no machine finds that none was created, and burns them.
    lab.run(&["apply", "--yes", "--target", "vpc.main"]).ok();
    assert_eq!(key_bundles(&lab), Vec::<String>::new());

    // Killed after creating: the machine boots on, whatever runs meanwhile.
    let mut run = lab.start(&["apply", "--yes"]);
    assert!(run.until(|| lab.inventory().names("droplets").len() == 2));
    run.kill();
    lab.run(&["apply", "--yes", "--target", "vpc.main"]).ok();
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(key_bundles(&lab), Vec::<String>::new());
    lab.run(&["plan", "--detailed-exitcode"]).ok();
}

#[test]
fn tokens_go_with_the_join_and_never_come_back() {
    let lab = Config { control_planes: 1, workers: 2 }.lab();
    lab.run(&["apply", "--yes"]).ok();
    let Some(kubectl) = Kubectl::of(&lab, "lab") else { return };
    assert_eq!(bootstrap_tokens(&kubectl), Vec::<Vec<String>>::new(), "after the first apply");

    let first = token(&lab, "worker-1");
    lab.run(&["apply", "--yes", "--replace", "droplet.worker-1"]).ok();
    let second = token(&lab, "worker-1");
    assert_ne!(first, second, "the old machine's token does not let anybody join again");
    assert_eq!(bootstrap_tokens(&kubectl), Vec::<Vec<String>>::new(), "after a replacement");

    // What a run could not delete, the next one does; what people made is theirs.
    for (id, description) in [("aaaaaa", "join of worker-1"), ("bbbbbb", "made by hand")] {
        let secret = format!("bootstrap-token-{id}");
        let create = ["create", "secret", "generic", &secret, "--namespace", "kube-system"];
        let literals = [
            "--type=bootstrap.kubernetes.io/token".to_owned(),
            format!("--from-literal=token-id={id}"),
            "--from-literal=token-secret=0123456789abcdef".to_owned(),
            format!("--from-literal=description={description}"),
        ];
        let literals: Vec<&str> = literals.iter().map(String::as_str).collect();
        kubectl.run(&[&create[..], &literals].concat()).ok();
    }
    lab.run(&["apply", "--yes"]).ok();
    let left = bootstrap_tokens(&kubectl);
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0][0], "bootstrap-token-bbbbbb");
}
