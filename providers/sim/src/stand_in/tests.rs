//! Host tools on a machine's folder: what they refuse, and what they leave.

use super::kubeadm::Preflight;
use super::kubeadm::types::{ClusterConfiguration, NodeRegistration};
use super::values::Version;
use super::{Context, Failure, container, host, packages, sysctl, systemctl};

fn machine() -> (tempfile::TempDir, Context) {
    let folder = tempfile::tempdir().unwrap();
    let context = Context {
        root: folder.path().to_owned(),
        machine: 1,
        control: "https://127.0.0.1:1".to_owned(),
        ca_file: folder.path().join("ca.pem"),
        token: String::new(),
        version: Some("v1.34.1".to_owned()),
    };
    (folder, context)
}

fn refused(result: Result<(), Failure>) -> (i32, String) {
    let failure = result.expect_err("has to be refused");
    (failure.code, failure.message)
}

fn install_containerd(context: &Context) {
    let unit = "[Service]\nExecStart=/usr/local/bin/containerd\n";
    context.write("/etc/systemd/system/containerd.service", unit, 0o644).unwrap();
    context.write("/usr/local/bin/containerd", "#!/bin/sh\n", 0o755).unwrap();
    context.write("/opt/cni/bin/bridge", "#!/bin/sh\n", 0o755).unwrap();
}

fn image_archive(names: &[&str]) -> Vec<u8> {
    let manifest =
        serde_json::json!([{"Config": "c", "RepoTags": names, "Layers": []}]).to_string();
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(manifest.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    builder.append_data(&mut header, "manifest.json", manifest.as_bytes()).unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn a_unit_starts_only_with_those_it_requires() {
    let (_folder, context) = machine();
    let unit = |name: &str, text: &str| {
        context.write(&format!("/etc/systemd/system/{name}"), text, 0o644).unwrap();
    };
    unit("app.service", "[Unit]\nRequires=guard.service\n[Service]\nExecStart=/usr/bin/app\n");
    unit("guard.service", "[Service]\nExecStart=/usr/bin/guard\n");
    context.write("/usr/bin/app", "#!/bin/sh\n", 0o755).unwrap();
    let start = || systemctl::run(&context, &["start", "app"]);
    assert!(refused(start()).1.contains("A dependency job for app.service failed"));
    assert_eq!(refused(systemctl::run(&context, &["is-active", "-q", "app"])).0, 3);
    context.write("/usr/bin/guard", "#!/bin/sh\n", 0o755).unwrap();
    start().unwrap();
    systemctl::run(&context, &["is-active", "-q", "guard"]).unwrap();
}

#[test]
fn units_start_only_with_their_file_program_and_plugins() {
    let (_folder, context) = machine();
    let start = || systemctl::run(&context, &["enable", "--now", "containerd"]);
    assert!(refused(start()).1.contains("does not exist"));
    assert_eq!(refused(systemctl::run(&context, &["start", "nonsense"])).0, 5);
    install_containerd(&context);
    std::fs::remove_file(context.path("/usr/local/bin/containerd")).unwrap();
    assert!(refused(start()).1.contains("Failed to locate executable /usr/local/bin/containerd"));
    install_containerd(&context);
    std::fs::remove_dir_all(context.path("/opt/cni")).unwrap();
    assert!(refused(start()).1.contains("/opt/cni/bin"));
    assert_eq!(refused(systemctl::run(&context, &["is-active", "-q", "containerd"])).0, 3);
    install_containerd(&context);
    start().unwrap();
    systemctl::run(&context, &["is-active", "--quiet", "containerd.service"]).unwrap();
    systemctl::run(&context, &["stop", "containerd"]).unwrap();
    assert_eq!(refused(systemctl::run(&context, &["is-active", "-q", "containerd"])).0, 3);
    systemctl::run(&context, &["is-enabled", "-q", "containerd"]).unwrap();
}

#[test]
fn bridge_settings_need_their_module() {
    let (_folder, context) = machine();
    let key = "net.bridge.bridge-nf-call-iptables";
    let file = format!("net.ipv4.ip_forward = 1\n# comment\n{key}=1\n");
    context.write("/etc/sysctl.d/90-test.conf", &file, 0o644).unwrap();
    assert!(refused(sysctl::run(&context, &["-q", "--system"])).1.contains("bridge-nf-call"));
    host::modprobe(&context, &["-a", "overlay", "br_netfilter"]).unwrap();
    sysctl::run(&context, &["-q", "--system"]).unwrap();
    assert_eq!(sysctl::get(&context, key).as_deref(), Some("1"));
    assert_eq!(sysctl::get(&context, "net.ipv4.ip_forward").as_deref(), Some("1"));
    assert!(refused(sysctl::run(&context, &["-w", "nonsense=1"])).1.contains("cannot stat"));
    assert!(refused(host::modprobe(&context, &["nonsense"])).1.contains("not found"));
}

#[test]
fn packages_are_known_by_name() {
    let (_folder, context) = machine();
    packages::run(&context, &["-q", "-y", "install", "conntrack", "jq=1.7"]).unwrap();
    assert!(context.exists("/var/lib/dpkg/info/jq.list"));
    let (code, message) = refused(packages::run(&context, &["install", "leftpad"]));
    assert_eq!((code, message.as_str()), (100, "E: Unable to locate package leftpad"));
}

#[test]
fn images_are_imported_into_the_kubelets_namespace() {
    let (_folder, context) = machine();
    let file = context.path("/image.tar");
    std::fs::create_dir_all(&context.root).unwrap();
    std::fs::write(&file, image_archive(&["registry.example.com/a:v1"])).unwrap();
    let import = |ns: &str| container::ctr(&context, &["-n", ns, "images", "import", "/image.tar"]);
    assert!(refused(import("k8s.io")).1.contains("containerd.sock"), "containerd doesn't run");
    install_containerd(&context);
    systemctl::run(&context, &["start", "containerd"]).unwrap();
    import("default").unwrap();
    assert!(container::images(&context).is_empty());
    import("k8s.io").unwrap();
    import("k8s.io").unwrap();
    assert_eq!(container::images(&context), ["registry.example.com/a:v1"]);
    container::crictl(&context, &["pull", "registry.example.com/a:v1"]).unwrap();
    assert!(refused(container::crictl(&context, &["pull", "b:v2"])).1.contains("no registry"));
    std::fs::write(&file, b"not an archive").unwrap();
    assert!(refused(import("k8s.io")).1.contains("unrecognized image format"));
}

/// Returns what kubeadm's checks say of the machine as it is.
fn preflight(context: &Context, kubelet: &str, control_plane: &str, ignore: &[String]) -> String {
    let script = format!("#!/bin/sh\nexport INFRA_STAND_IN_VERSION={kubelet}\nexec true\n");
    context.write("/usr/bin/kubelet", &script, 0o755).unwrap();
    let mut checks = Preflight::new(context, ignore, &NodeRegistration::default());
    checks.node();
    let wanted = Version::parse(control_plane).unwrap();
    checks.kubelet(wanted, Some(wanted));
    let cluster = ClusterConfiguration {
        kubernetes_version: control_plane.to_owned(),
        image_repository: "registry.k8s.io".to_owned(),
        ..ClusterConfiguration::default()
    };
    checks.images(&cluster, "");
    checks.finish().err().map(|f| f.message).unwrap_or_default()
}

#[test]
fn preflight_names_everything_that_is_missing_at_once() {
    let (_folder, context) = machine();
    let swap = "Filename\n/swap.img file 1 0 -2\n";
    context.write("/proc/swaps", swap, 0o644).unwrap();
    let said = preflight(&context, "v1.34.1", "v1.34.1", &[]);
    for check in ["[ERROR Swap]", "ip_forward", "[ERROR CRI]", "kube-apiserver:v1.34.1", "etcd:"] {
        assert!(said.contains(check), "{check}: {said}");
    }
    let all = preflight(&context, "v1.34.1", "v1.34.1", &["all".to_owned()]);
    assert_eq!(all, "");
    host::swapoff(&context, &["-a"]).unwrap();
    sysctl::run(&context, &["-w", "net.ipv4.ip_forward=1"]).unwrap();
    install_containerd(&context);
    systemctl::run(&context, &["start", "containerd"]).unwrap();
    let said = preflight(&context, "v1.34.1", "v1.34.1", &["imagepull".to_owned()]);
    assert_eq!(said, "");
}

#[test]
fn kubelets_are_of_no_newer_minor_version_and_at_most_three_older() {
    let (_folder, context) = machine();
    let ignore: Vec<String> =
        ["swap", "cri", "imagepull", "filecontent--proc-sys-net-ipv4-ip_forward"]
            .map(String::from)
            .into();
    let says = |kubelet: &str| preflight(&context, kubelet, "v1.34.1", &ignore);
    assert!(says("v1.35.0").contains("higher than the control plane version"));
    // The real check compares major and minor version only.
    assert_eq!(says("v1.34.2"), "");
    assert_eq!(says("v1.31.0"), "");
    assert!(says("v1.30.9").contains("lower than kubeadm can support"));
}
