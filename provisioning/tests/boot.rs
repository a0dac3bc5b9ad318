//! The real boot script, from the user-data on, against a store on loopback.

mod support;

use std::os::unix::process::CommandExt;
use std::time::Duration;

use infra_object_store::Bucket;
use infra_provisioning::artifacts::{Arch, Lock, NoProgress, key_of, stand_ins, sync};
use infra_provisioning::boot::{BOOT_SCRIPT, BOOT_STUB};
use infra_provisioning::kubeadm::{NodeBoot, Role};
use infra_provisioning::node::{
    BootStatus, HandOver, NodeKit, PublishedNode, StageState, grant_turn, hand_over, hand_overs,
    publish_node, read_boot_status, read_status, report_of_machine,
};
use infra_provisioning::userdata::cloud_config;
use secrecy::ExposeSecret;
use support::guard::arn_of;
use support::machine::Machine;
use support::nodes::{VERSION, first, kit, second, worker};
use support::*;

struct World {
    store: Store,
    bucket: Bucket,
    lock: Lock,
    _cache: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let store = Store::start(true).await;
        let bucket = store.bucket("infra-demo").await;
        let cache = tempfile::tempdir().unwrap();
        let lock = stand_ins(cache.path(), VERSION, Arch::Amd64).unwrap();
        sync(&bucket, &lock, cache.path(), &NoProgress).await.unwrap();
        World { store, bucket, lock, _cache: cache }
    }

    async fn publish(&self, mut kit: NodeKit) -> PublishedNode {
        kit.store_ca_pem = Some(String::from_utf8(self.store.ca_pem.clone().unwrap()).unwrap());
        publish_node(&self.bucket, &kit).await.unwrap()
    }

    async fn hand_over(&self, role: Role, node: &str, id: &str) {
        let to = HandOver { node: node.into(), machine: arn_of(id) };
        hand_over(&self.bucket, role, &to).await.unwrap();
        assert!(hand_overs(&self.bucket).await.unwrap().contains(&to));
    }

    /// The report of a machine on EC2.
    async fn report_of(&self, node: &str, id: &str) -> BootStatus {
        let object = report_of_machine(&arn_of(id));
        read_boot_status(&self.bucket, node, &object).await.unwrap().expect("a report")
    }

    async fn status(&self, node: &str) -> BootStatus {
        read_status(&self.bucket, node).await.unwrap().expect("a report")
    }
}

async fn machine(published: &PublishedNode) -> (Machine, String) {
    let machine = Machine::new();
    let commands = machine.apply_user_data(published.user_data.expose_secret());
    assert_eq!(commands, [["/usr/local/sbin/infra-boot"]]);
    let metadata = file_server(machine.metadata_folder()).await;
    (machine, metadata)
}

fn stages(status: &BootStatus) -> Vec<String> {
    status.stages.iter().map(|s| s.stage.clone()).collect()
}

fn text(out: &std::process::Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_control_plane_boots_and_burns_its_keys() {
    let world = World::new().await;
    let published = world.publish(kit(first(), &world.lock)).await;
    assert!(world.bucket.head(&published.keys.pki).await.unwrap().is_some());
    let (machine, metadata) = machine(&published).await;
    let out = machine.boot(&metadata).await;
    assert!(out.status.success(), "{}", text(&out));

    let status = world.status("cp-1").await;
    assert!(status.is_done(), "{status:?}");
    assert_eq!(
        stages(&status),
        [
            "metadata",
            "bundle",
            "host",
            "artifacts",
            "containerd",
            "pki",
            "kubeadm",
            "kubelet",
            "done"
        ]
    );
    assert!(status.stages.iter().all(|s| s.state == StageState::Done && s.at.ends_with('Z')));
    assert_eq!(world.bucket.head(&published.keys.pki).await.unwrap(), None, "burnt");

    let config = machine.read("/seen-kubeadm.yaml");
    assert!(config.contains("advertiseAddress: \"10.10.0.7\"") && !config.contains("@PRIVATE_IP@"));
    assert!(
        machine.read("/seen-pki").contains("pki/etcd/ca.key 600\n"),
        "{}",
        machine.read("/seen-pki")
    );
    for gone in [
        "/etc/kubernetes/kubeadm.yaml",
        "/var/lib/infra/pki.tar.gz",
        "/var/lib/infra/bundle/artifacts.tsv",
        "/var/lib/infra/bundle.tar.gz",
    ] {
        assert!(!machine.path(gone).exists(), "{gone} holds secrets");
    }
    assert_eq!(machine.mode("/etc/infra/boot.env"), 0o600);
    assert_eq!(machine.mode("/usr/bin/kubelet"), 0o755);
    assert!(
        machine.path("/opt/cni/bin/bridge").exists()
            && machine.path("/usr/local/bin/containerd").exists()
    );
    assert!(machine.read("/etc/containerd/config.toml").contains("pause:3.10.2"));
    assert!(machine.read("/etc/fstab").contains("# infra: /swapfile"));
    let calls = machine.calls();
    for wanted in [
        "hostnamectl set-hostname cp-1",
        "modprobe br_netfilter",
        "systemctl restart containerd.service",
        "systemctl start kubelet.service",
        "systemctl disable infra-boot.service",
    ] {
        assert!(calls.iter().any(|c| c == wanted), "{wanted}: {calls:?}");
    }
    assert_eq!(
        calls.iter().filter(|c| c.starts_with("ctr --namespace k8s.io images import")).count(),
        7
    );
    // Pods are kept from the metadata service before any can run, and after each start, too.
    let place = |wanted: &str| calls.iter().position(|c| c == wanted).unwrap();
    assert!(
        place("systemctl start infra-metadata.service") < place("systemctl start kubelet.service")
    );
    place("systemctl enable infra-metadata.service");
    assert_eq!(machine.mode("/usr/local/sbin/infra-metadata"), 0o755);
    assert!(calls.iter().any(|c| c.starts_with("kubeadm init --config") && !c.contains("ignore")));
    let arguments = machine.read("/curl-args");
    assert!(!arguments.contains("Signature"), "URLs are secrets: not in arguments");

    let again = machine.boot(&metadata).await;
    assert!(again.status.success(), "{}", text(&again));
    assert_eq!(machine.calls(), calls, "a second run does nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_joins_and_every_stage_can_run_twice() {
    let world = World::new().await;
    let published = world.publish(kit(worker(), &world.lock)).await;
    let (machine, metadata) = machine(&published).await;
    assert!(machine.boot(&metadata).await.status.success());
    let status = world.status("worker-1").await;
    assert_eq!(
        stages(&status),
        ["metadata", "bundle", "host", "artifacts", "containerd", "kubeadm", "kubelet", "done"]
    );
    assert_eq!(machine.read("/seen-pki"), "", "no key of the cluster on a worker");
    let images = machine.calls().iter().filter(|c| c.starts_with("ctr ")).count();
    assert_eq!(images, 3, "kube-proxy, coredns, pause");

    // As if it had been cut off at the very end, and everything ran again.
    std::fs::remove_dir_all(machine.path("/var/lib/infra/done")).unwrap();
    let fstab = machine.read("/etc/fstab");
    let again = machine.boot(&metadata).await;
    assert!(again.status.success(), "{}", text(&again));
    assert_eq!(machine.read("/etc/fstab"), fstab);
    assert!(world.status("worker-1").await.is_done());
    let calls = machine.calls();
    let kubeadm: Vec<&str> = calls
        .iter()
        .filter(|c| c.starts_with("kubeadm"))
        .map(|c| c.split(' ').nth(1).unwrap())
        .collect();
    assert_eq!(kubeadm, ["join", "reset", "join"], "a join that may be half done is undone first");
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_of_one_call_each_take_their_own_part() {
    let world = World::new().await;
    let mut other = worker();
    other.node = "worker-2".into();
    let one = world.publish(kit(worker(), &world.lock)).await;
    let two = world.publish(kit(other, &world.lock)).await;
    let ca = one.store_ca_pem.as_deref();
    let shared = cloud_config(&[&one.env, &two.env], ca, &WITH_URLS).unwrap();
    let machine = Machine::new();
    machine.apply_user_data(shared.contents.expose_secret());
    std::fs::write(machine.metadata_folder().join("hostname"), "worker-2").unwrap();
    let metadata = file_server(machine.metadata_folder()).await;
    let out = machine.boot(&metadata).await;
    assert!(out.status.success(), "{}", text(&out));
    assert!(world.status("worker-2").await.is_done());
    assert!(read_status(&world.bucket, "worker-1").await.unwrap().is_none());
    assert!(!machine.path("/etc/infra/boot.d").exists(), "the others' parts are gone");
    assert_eq!(machine.mode("/etc/infra/boot.env"), 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_artifact_is_told_and_the_next_run_goes_on() {
    let world = World::new().await;
    let runc = world.lock.artifacts.iter().find(|a| a.name == "runc").unwrap();
    let good = world.bucket.get(&key_of(runc)).await.unwrap();
    world.bucket.put(&key_of(runc), "something else").await.unwrap();
    let published = world.publish(kit(worker(), &world.lock)).await;
    let (machine, metadata) = machine(&published).await;
    let out = machine.boot(&metadata).await;
    assert_eq!(out.status.code(), Some(1));
    let status = world.status("worker-1").await;
    assert!(status.is_failed());
    assert_eq!(status.stage, "artifacts");
    assert_eq!(status.message, "failed at artifacts: checksum mismatch for runc-v1.4.3");
    assert!(text(&out).contains(&status.message));
    assert!(!machine.path("/usr/local/sbin/runc").exists());

    world.bucket.delete(&key_of(runc)).await.unwrap();
    machine.boot(&metadata).await;
    let status = world.status("worker-1").await;
    assert_eq!(status.message, "failed at artifacts: cannot download runc-v1.4.3 (HTTP 404)");

    world.bucket.put(&key_of(runc), good).await.unwrap();
    let out = machine.boot(&metadata).await;
    assert!(out.status.success(), "{}", text(&out));
    assert!(text(&out).contains("host: done before"));
    let status = world.status("worker-1").await;
    assert!(status.is_done() && status.message.is_empty(), "{status:?}");
    let hosts = machine.calls().iter().filter(|c| c.starts_with("swapoff")).count();
    assert_eq!(hosts, 1, "a stage that is done is not run again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_init_is_run_again_over_what_it_left() {
    let world = World::new().await;
    let published = world.publish(kit(first(), &world.lock)).await;
    let (machine, metadata) = machine(&published).await;
    machine.fail(
        "kubeadm",
        "error execution phase preflight: [preflight] Some fatal errors occurred:\n\t[ERROR Mem]: \"too\" little memory\n[preflight] If you know what you are doing, …\nTo see the stack trace of this error execute with --v=5 or higher\n",
    );
    assert!(!machine.boot(&metadata).await.status.success());
    let status = world.status("cp-1").await;
    assert_eq!(status.message, "failed at kubeadm: [ERROR Mem]: \"too\" little memory");
    assert!(machine.path("/var/lib/infra/pki.tar.gz").exists(), "still needed");
    machine.mend("kubeadm");
    let out = machine.boot(&metadata).await;
    assert!(out.status.success(), "{}", text(&out));
    let calls = machine.calls();
    let last = calls.iter().rfind(|c| c.starts_with("kubeadm")).unwrap();
    assert!(last.contains("init") && last.contains("DirAvailable--var-lib-etcd"), "{last}");
    assert!(!calls.iter().any(|c| c.contains("reset")), "an etcd is never thrown away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_control_plane_waits_for_its_turn_even_when_killed() {
    let world = World::new().await;
    let published = world.publish(kit(second(), &world.lock)).await;
    let (machine, metadata) = machine(&published).await;
    let mut command = machine.command(&metadata);
    command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .process_group(0);
    let mut child = command.spawn().unwrap();
    until(|| async {
        read_status(&world.bucket, "cp-2").await.unwrap().is_some_and(|s| s.stage == "turn")
    })
    .await;
    // The whole group, as when a machine loses power.
    let group = format!("-{}", child.id());
    assert!(
        std::process::Command::new("kill").args(["-9", "--", &group]).status().unwrap().success()
    );
    child.wait().unwrap();
    assert!(!machine.calls().iter().any(|c| c.starts_with("kubeadm")));
    assert_eq!(
        world.bucket.head(&published.keys.pki).await.unwrap(),
        None,
        "burnt before the wait"
    );

    grant_turn(&world.bucket, "cp-2", "null").await.unwrap();
    let out = machine.boot(&metadata).await;
    assert!(out.status.success(), "{}", text(&out));
    let status = world.status("cp-2").await;
    assert!(status.is_done());
    assert_eq!(stages(&status)[5..8], ["pki", "turn", "kubeadm"]);
    assert!(machine.calls().iter().any(|c| c.starts_with("kubeadm join")));
    assert!(machine.read("/seen-pki").contains("pki/ca.key 600"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_never_comes_and_a_bundle_that_is_gone_are_told() {
    let world = World::new().await;
    let mut late = kit(second(), &world.lock);
    late.turn_timeout = Duration::from_secs(1);
    let published = world.publish(late).await;
    let (machine_2, metadata) = machine(&published).await;
    assert!(!machine_2.boot(&metadata).await.status.success());
    assert_eq!(
        world.status("cp-2").await.message,
        "failed at turn: it was not this node's turn within 1 s (last answer: 404)"
    );

    let published = world.publish(kit(worker(), &world.lock)).await;
    world.bucket.put(&published.keys.bundle, "another bundle").await.unwrap();
    let (machine_w, metadata) = machine(&published).await;
    assert!(!machine_w.boot(&metadata).await.status.success());
    let status = world.status("worker-1").await;
    assert_eq!(status.message, "failed at bundle: checksum mismatch for bundle.tar.gz");
    world.bucket.delete(&published.keys.bundle).await.unwrap();
    assert!(!machine_w.boot(&metadata).await.status.success());
    let status = world.status("worker-1").await;
    assert_eq!(status.message, "failed at bundle: the bundle cannot be downloaded (HTTP 404)");
}

async fn until<F: Future<Output = bool>>(check: impl Fn() -> F) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !check().await {
        assert!(std::time::Instant::now() < deadline, "it did not happen in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn the_scripts_are_shellcheck_clean() {
    if !program("shellcheck", "the boot scripts") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (name, script) in [("boot.sh", BOOT_SCRIPT), ("infra-boot.sh", BOOT_STUB)] {
        let path = dir.path().join(name);
        std::fs::write(&path, script).unwrap();
        let out = std::process::Command::new("shellcheck").arg(&path).output().unwrap();
        assert!(out.status.success(), "{}", text(&out));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_not_handed_its_files_says_so() {
    if !program("python3", "a boot on EC2, whose images have it") {
        return;
    }
    let world = World::new().await;
    let boot = worker();
    let kit = NodeKit::new(boot, world.lock.clone(), SIGNING);
    let published = world.publish(kit).await;
    let metadata = imds(&[("ami-launch-index", "0"), ("instance-id", "i-0c1")]).await;
    let machine = Machine::new();
    machine.apply_user_data(published.user_data.expose_secret());
    // Another machine's files are as closed to it as nobody's.
    world.hand_over(Role::Worker, "worker-1", "i-0c2").await;
    let mut command = machine.command(&metadata);
    command.env("INFRA_HANDOVER_SECONDS", "1");
    let out = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(!out.status.success());
    let report = world.report_of("worker-1", "i-0c1").await;
    let said = "failed at bundle: it was not handed over to this machine within 1 s (HTTP 403)";
    assert!(report.is_failed() && report.message == said, "{report:?}");

    // The next run of infra finds it, and the boot can be run again. What the machine reported stays until
    // it reports again: one that boots meanwhile must not lose its word.
    world.hand_over(Role::Worker, "worker-1", "i-0c1").await;
    let reported = report_of_machine(&arn_of("i-0c1"));
    let left = read_boot_status(&world.bucket, "worker-1", &reported).await.unwrap();
    assert_eq!(left.map(|report| report.message).as_deref(), Some(said));
    assert!(machine.boot(&metadata).await.status.success());
    assert!(world.report_of("worker-1", "i-0c1").await.is_done());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_ec2_machines_sign_for_themselves() {
    if !program("python3", "a boot on EC2, whose images have it") {
        return;
    }
    let world = World::new().await;
    let on_ec2 = |node: &str, boot: NodeBoot| {
        let mut boot = NodeBoot { node: node.into(), ..boot };
        boot.cloud_provider_external = true;
        let pki = kit(boot.clone(), &world.lock).pki;
        NodeKit { pki, ..NodeKit::new(boot, world.lock.clone(), SIGNING) }
    };
    let cp = world.publish(on_ec2("cp-1", first())).await;
    assert!(cp.keys.pki.starts_with("nodes/control-plane/cp-1/"));
    assert!(cp.user_data.expose_secret().len() < 10 * 1024, "a machine's user-data is small");
    let env = cp.env.text().unwrap();
    assert!(!env.expose_secret().contains('?'), "nothing in it is secret");
    let metadata = imds(&[("ami-launch-index", "0"), ("instance-id", "i-0a1")]).await;
    let machine = Machine::new();
    machine.apply_user_data(cp.user_data.expose_secret());
    // It boots before it is handed its files, and after that it reads its keys, too.
    let (out, ()) = tokio::join!(machine.boot(&metadata), async {
        world.store.guard.refuses("/bundle.tar.gz").await;
        world.hand_over(Role::ControlPlane, "cp-1", "i-0a1").await;
    });
    assert!(out.status.success(), "{}", text(&out));
    assert!(world.report_of("cp-1", "i-0a1").await.is_done());
    assert_eq!(world.bucket.head(&cp.keys.pki).await.unwrap(), None, "burnt");
    let config = machine.read("/seen-kubeadm.yaml");
    assert!(config.contains("aws:///eu-central-1a/i-0a1") && config.contains("10.10.0.7"));

    // Two of one call: the second takes the second part.
    let one = world.publish(on_ec2("worker-1", worker())).await;
    let two = world.publish(on_ec2("worker-2", worker())).await;
    let ca = one.store_ca_pem.as_deref();
    let shared = cloud_config(&[&one.env, &two.env], ca, &SIGNING).unwrap();
    let metadata = imds(&[("ami-launch-index", "1"), ("instance-id", "i-0b2")]).await;
    let machine = Machine::new();
    machine.apply_user_data(shared.contents.expose_secret());
    world.hand_over(Role::Worker, "worker-1", "i-0b1").await;
    world.hand_over(Role::Worker, "worker-2", "i-0b2").await;
    let out = machine.boot(&metadata).await;
    assert!(out.status.success(), "{}", text(&out));
    assert!(world.report_of("worker-2", "i-0b2").await.is_done());
    assert!(!machine.read("/curl-args").contains("Signature"), "URLs are not in arguments");
}
