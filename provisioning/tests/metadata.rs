//! Pods are kept from the cloud's metadata service.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use infra_provisioning::boot::host_files;

/// Keeps rules in a file, one a line, as far as the script asks: `-C`, `-I`, `-A`.
const IPTABLES: &str = r#"#!/usr/bin/env bash
set -euo pipefail
[ "$1 $2" = "-w 60" ] || { echo "other programs may hold the lock" >&2; exit 4; }
shift 2
[ "$1" = -t ] || { echo "no table" >&2; exit 2; }
table="$2"; action="$3"; shift 3
touch "$RULES"
case "$action" in
  -C) grep -qxF -- "$table $*" "$RULES" || { echo "iptables: Bad rule (does a matching rule exist in that chain?)." >&2; exit 1; } ;;
  -I) printf '%s\n' "$table $*" | cat - "$RULES" >"$RULES.new"; mv "$RULES.new" "$RULES" ;;
  *) exit 2 ;;
esac
"#;

fn text(name: &str) -> String {
    let files = host_files("3.10.2");
    let file = files.iter().find(|file| file.path == name).unwrap_or_else(|| panic!("no {name}"));
    file.masked.clone()
}

fn program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn run(folder: &Path) -> Output {
    Command::new(folder.join("infra-metadata"))
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .env("RULES", folder.join("rules"))
        .output()
        .unwrap()
}

#[test]
fn forwarded_packets_to_it_are_dropped_once() {
    let folder = tempfile::tempdir().unwrap();
    program(&folder.path().join("infra-metadata"), &text("host/infra-metadata.sh"));
    program(&folder.path().join("iptables"), IPTABLES);
    // At the first boot, and at each start of the machine after it.
    for _ in 0..2 {
        let out = run(folder.path());
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
    let rules = fs::read_to_string(folder.path().join("rules")).unwrap();
    // The machine's own packets pass OUTPUT, not FORWARD.
    assert_eq!(rules, "mangle FORWARD -d 169.254.169.254/32 -j DROP\n");
}

#[test]
fn without_the_rule_no_kubelet_starts() {
    let folder = tempfile::tempdir().unwrap();
    program(&folder.path().join("infra-metadata"), &text("host/infra-metadata.sh"));
    program(&folder.path().join("iptables"), "#!/bin/sh\nexit 3\n");
    assert!(!run(folder.path()).status.success());

    let kubelet = text("host/kubelet.service");
    let after = kubelet.lines().find(|line| line.starts_with("After=")).unwrap();
    assert!(kubelet.lines().any(|line| line == "Requires=infra-metadata.service"), "{kubelet}");
    assert!(after.contains("infra-metadata.service"), "{after}");
    let guard = text("host/infra-metadata.service");
    for line in ["Type=oneshot", "RemainAfterExit=yes", "WantedBy=multi-user.target"] {
        assert!(guard.lines().any(|found| found == line), "{line} in {guard}");
    }
}
