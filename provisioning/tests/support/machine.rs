//! A machine in a folder: applies user-data, runs the real boot script, with fake host tools.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The script that stands for systemctl, kubeadm and the others: it notes the call and fails if asked to.
const TOOL: &str = r#"#!/usr/bin/env bash
set -euo pipefail
shift 2
tool="$1"; shift
printf '%s %s\n' "$tool" "$*" >>"$INFRA_ROOT/calls"
if [ -e "$INFRA_ROOT/fail-$tool" ]; then cat "$INFRA_ROOT/fail-$tool" >&2; exit 1; fi
case "$tool ${1:-}" in
  "kubeadm init" | "kubeadm join")
    grep -q "$INFRA_STAND_IN_VERSION" <<<"$INFRA_STAND_IN_VERSION"
    cp "$3" "$INFRA_ROOT/seen-kubeadm.yaml"
    (cd "$INFRA_ROOT/etc/kubernetes" && find pki -type f -printf '%p %m\n' 2>/dev/null | sort) >"$INFRA_ROOT/seen-pki" || true
    ;;
  "kubeadm reset") rm -rf "$INFRA_ROOT/etc/kubernetes" ;;
esac
"#;

const HOST_TOOLS: [&str; 7] =
    ["systemctl", "sysctl", "modprobe", "swapoff", "hostnamectl", "apt-get", "conntrack"];

pub struct Machine {
    pub dir: tempfile::TempDir,
    pub root: PathBuf,
}

impl Machine {
    /// A machine with a metadata service that knows its private address.
    pub fn new() -> Machine {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        let tools = dir.path().join("tools");
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::create_dir_all(&tools).unwrap();
        fs::write(
            root.join("etc/fstab"),
            "/dev/vda1 / ext4 defaults 0 1\n/swapfile none swap sw 0 0\n",
        )
        .unwrap();
        let metadata = dir.path().join("metadata/interfaces/private/0/ipv4");
        fs::create_dir_all(&metadata).unwrap();
        fs::write(metadata.join("address"), "10.10.0.7").unwrap();
        script(&tools.join("stand-in"), TOOL);
        for tool in HOST_TOOLS {
            let text = format!(
                "#!/usr/bin/env bash\nexec \"$INFRA_SIM_STAND_IN\" sim stand-in {tool} \"$@\"\n"
            );
            script(&tools.join(tool), &text);
        }
        // The real curl, with its arguments noted.
        let real = which("curl");
        script(
            &tools.join("curl"),
            &format!(
                "#!/usr/bin/env bash\nprintf '%s\\n' \"$*\" >>\"$INFRA_ROOT/curl-args\"\nexec {real} \"$@\"\n"
            ),
        );
        Machine { dir, root }
    }

    pub fn metadata_folder(&self) -> PathBuf {
        self.dir.path().join("metadata")
    }

    /// What cloud-init does with our user-data.
    pub fn apply_user_data(&self, text: &str) -> Vec<Vec<String>> {
        assert!(text.starts_with("#cloud-config\n"));
        let config: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).unwrap();
        for file in config["write_files"].as_sequence().unwrap() {
            let path = self.path(file["path"].as_str().unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, file["content"].as_str().unwrap()).unwrap();
            let mode = u32::from_str_radix(file["permissions"].as_str().unwrap(), 8).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let commands = config["runcmd"].as_sequence().unwrap();
        commands
            .iter()
            .map(|c| {
                c.as_sequence().unwrap().iter().map(|w| w.as_str().unwrap().to_string()).collect()
            })
            .collect()
    }

    pub fn command(&self, metadata: &str) -> Command {
        let root = self.root.display().to_string();
        let tools = self.dir.path().join("tools").display().to_string();
        let mut command = Command::new(self.path("/usr/local/sbin/infra-boot"));
        command
            .env_clear()
            .env("INFRA_ROOT", &root)
            .env("INFRA_SIM_STAND_IN", format!("{tools}/stand-in"))
            .env("INFRA_METADATA_URL", metadata)
            .env("PATH", format!("{root}/usr/local/bin:{root}/usr/bin:{root}/opt/cni/bin:{tools}:/usr/local/bin:/usr/bin:/bin"))
            .stdin(Stdio::null());
        command
    }

    pub async fn boot(&self, metadata: &str) -> Output {
        let mut command = self.command(metadata);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    pub fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    pub fn read(&self, absolute: &str) -> String {
        fs::read_to_string(self.path(absolute)).unwrap_or_default()
    }

    pub fn mode(&self, absolute: &str) -> u32 {
        fs::metadata(self.path(absolute)).unwrap().permissions().mode() & 0o777
    }

    pub fn calls(&self) -> Vec<String> {
        self.read("/calls").lines().map(str::to_string).collect()
    }

    pub fn fail(&self, tool: &str, message: &str) {
        fs::write(self.root.join(format!("fail-{tool}")), message).unwrap();
    }

    pub fn mend(&self, tool: &str) {
        fs::remove_file(self.root.join(format!("fail-{tool}"))).unwrap();
    }
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn which(name: &str) -> String {
    let out = Command::new("bash").args(["-c", &format!("command -v {name}")]).output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_string()
}
