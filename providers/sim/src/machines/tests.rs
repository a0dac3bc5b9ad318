//! The cloud-init interpreter: what it reads, refuses, writes and runs.

use tokio_util::sync::CancellationToken;

use super::boot::Boot;
use super::cloud_config::CloudConfig;
use super::disk::Disk;
use super::record::BootState;
use super::user_data::UserData;

fn disk() -> (tempfile::TempDir, Disk) {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path(), 7);
    (folder, disk)
}

async fn boot(disk: &Disk, user_data: &str) -> super::MachineRecord {
    let root = disk.root.display().to_string();
    let variables = [("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()), ("INFRA_ROOT", root)];
    let stop = CancellationToken::new();
    let boot = Boot { disk, hostname: "worker-1", variables: &variables, stop: &stop };
    boot.run(user_data).await.unwrap()
}

fn refusal(text: &str) -> String {
    UserData::parse(text).expect_err("has to be refused")
}

#[test]
fn unknown_keys_are_refused_at_every_level() {
    for (text, says) in [
        ("#cloud-config\nrun_cmd: [true]\n", "run_cmd"),
        ("#cloud-config\nwrite_files:\n- path: /a\n  contents: x\n", "contents"),
        ("#cloud-config\nusers:\n- name: deploy\n  pasword: x\n", "users"),
        ("#cloud-config\nswap: {file: /a}\n", "file"),
        ("#cloud-config\nhostname: [a]\n", "expected a string"),
        ("#cloud-config\nmanage_etc_hosts: maybe\n", "manage_etc_hosts"),
        ("#cloud-config\n\tx\n", "not valid YAML"),
        ("#cloud-config \nwrite_files:\n- path: etc/a\n", "not absolute"),
        ("#cloud-config\nwrite_files:\n- path: /a\n  permissions: '0888'\n", "octal"),
        ("#cloud-config\nwrite_files:\n- path: /a\n  encoding: rot13\n", "rot13"),
        ("#cloud-config\nwrite_files:\n- path: /a\n  owner: ghost:ghost\n", "no such user"),
        ("Content-Type: multipart/mixed\n", "multipart"),
        ("echo hi\n", "unhandled type"),
    ] {
        let message = refusal(text);
        assert!(message.contains(says), "{says}: {message}");
    }
}

#[test]
fn the_whole_subset_is_read() {
    let text = "#cloud-config
hostname: worker-1
fqdn: worker-1.example.com
manage_etc_hosts: true
preserve_hostname: false
package_update: false
packages: [curl, [jq, '1.7']]
users:
- default
- name: deploy
  ssh_authorized_keys: [ssh-ed25519 AAAA]
ssh_authorized_keys: [ssh-ed25519 BBBB]
bootcmd: [[echo, 1], echo two]
runcmd: [[echo, 1], echo two]
write_files: [{path: /a, content: x, permissions: '0600', owner: 'root:root', append: true, defer: true}]
swap: {filename: /swapfile, size: auto, maxsize: 0}
final_message: up
ssh_pwauth: false
disable_root: false
timezone: Etc/UTC
ntp: {enabled: true}
mounts: [[/dev/vdb, /mnt, auto, 'defaults', '0', '0']]
";
    let config = CloudConfig::parse(text).unwrap();
    assert_eq!((config.runcmd.len(), config.users.len(), config.packages.len()), (2, 2, 2));
    assert!(matches!(UserData::parse("\n  \n"), Ok(UserData::Nothing)));
}

#[tokio::test]
async fn files_are_written_and_commands_run_on_the_machines_disk() {
    let (_folder, disk) = disk();
    // "hello" in gzip and base64.
    let text = "#cloud-config
hostname: other
write_files:
- {path: /etc/one, content: one, permissions: '0600'}
- {path: /etc/one, content: '+more', append: true}
- {path: /etc/two, content: aGVsbG8=, encoding: b64}
- path: /usr/local/bin/say
  permissions: '0755'
  content: |
    #!/bin/sh
    echo \"said $1 from $INFRA_ROOT\"
    cat \"$INFRA_ROOT/etc/one\" > \"$INFRA_ROOT/etc/three\"
runcmd:
- [/usr/local/bin/say, it's fine]
- '[ -f /etc/one ] && cp /etc/two \"/etc/four\" 2>/dev/null || cp /etc/two ${INFRA_ROOT}/etc/four'
";
    let record = boot(&disk, text).await;
    let console = std::fs::read_to_string(disk.console()).unwrap_or_default();
    assert_eq!(record.boot, BootState::Done, "{console}");
    let read = |p: &str| std::fs::read_to_string(disk.root.join(p)).unwrap_or_default();
    assert_eq!(read("etc/one"), "one+more");
    assert_eq!(read("etc/two"), "hello");
    assert_eq!(read("etc/three"), "one+more");
    assert_eq!(read("etc/hostname"), "other\n");
    assert!(console.contains("said it's fine from"), "{console}");
}

#[tokio::test]
async fn a_failing_script_leaves_its_code_and_last_words() {
    let (_folder, disk) = disk();
    let record = boot(&disk, "#!/bin/bash\necho about to fail\nexit 3\n").await;
    assert_eq!((record.boot, record.exit_code), (BootState::Failed, Some(3)));
    assert!(record.tail.iter().any(|l| l == "about to fail"), "{:?}", record.tail);
    let kept = super::MachineRecord::load(&disk).unwrap();
    assert_eq!(kept.exit_code, Some(3));
}

#[tokio::test]
async fn refused_user_data_is_a_failed_boot_that_says_why() {
    let (_folder, disk) = disk();
    let record = boot(&disk, "#cloud-config\nrun_cmd: []\n").await;
    assert_eq!(record.boot, BootState::Failed);
    assert!(record.tail.concat().contains("run_cmd"), "{:?}", record.tail);
}

#[tokio::test]
async fn paths_cannot_leave_the_disk() {
    let (_folder, disk) = disk();
    let record =
        boot(&disk, "#cloud-config\nwrite_files:\n- {path: /../../escape, content: x}\n").await;
    assert_eq!(record.boot, BootState::Failed);
    assert!(record.tail.concat().contains("leaves the disk"), "{:?}", record.tail);
}

#[tokio::test]
async fn a_machine_that_goes_takes_its_processes_along() {
    let (_folder, disk) = disk();
    let stop = CancellationToken::new();
    let variables =
        [("PATH", "/usr/bin:/bin".to_owned()), ("INFRA_ROOT", disk.root.display().to_string())];
    let boot = Boot { disk: &disk, hostname: "x", variables: &variables, stop: &stop };
    let script = "#!/bin/bash\necho $$ > $INFRA_ROOT/pid\nsleep 1000\n";
    let watch = async {
        let pid = disk.root.join("pid");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            if let Some(pid) = std::fs::read_to_string(&pid).ok().filter(|t| t.ends_with('\n')) {
                stop.cancel();
                return pid.trim().to_owned();
            }
            assert!(std::time::Instant::now() < deadline, "the script never ran");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let (record, pid) = tokio::join!(boot.run(script), watch);
    assert!(record.is_none(), "a boot that was killed is run again");
    let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    assert!(!command.contains("bash"), "{command}");
}

#[test]
fn sizes_say_what_a_machine_has() {
    assert_eq!(super::size::of("s-2vcpu-4gb"), (2, 4096));
    assert_eq!(super::size::of("s-1vcpu-512mb-10gb"), (1, 512));
    assert_eq!(super::size::of("c-4"), (4, 8192));
}
