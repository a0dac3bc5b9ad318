//! kustomize runs without a way out, and not for ever.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
};

use infra_test_utils::Folder;

/// Says with what environment it runs, and builds a namespace.
const KUSTOMIZE: &str = r#"#!/bin/bash
env > "$(dirname "$0")/environment"
echo "{ apiVersion: v1, kind: Namespace, metadata: { name: built } }"
"#;

/// A folder with a kustomization and a program that is called `kustomize`.
fn place(kustomization: &str, program: &str) -> Folder {
    let folder = Folder::new();
    folder
        .file("base/kustomization.yaml", kustomization)
        .file("base/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: { name: own }\n")
        .file("bin/kustomize", program);
    fs::set_permissions(folder.path("bin/kustomize"), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn infra(folder: &Folder, words: &[&str]) -> (Option<i32>, String, String) {
    let path = format!("{}:{}", folder.path("bin").display(), std::env::var("PATH").unwrap());
    let run = Command::new(env!("CARGO_BIN_EXE_infra"))
        .args(words)
        .current_dir(folder.path(""))
        .env("PATH", path)
        .env_remove("HTTPS_PROXY")
        .env_remove("https_proxy")
        .output()
        .unwrap();
    let Output { status, stdout, stderr } = run;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

const RENDER: [&str; 4] = ["apps", "render", "--base", "base"];

#[test]
fn what_is_elsewhere_is_refused_before_kustomize_runs() {
    let folder =
        place("resources:\n- namespace.yaml\n- https://example.com/a.yaml\n- ../more\n", KUSTOMIZE);
    folder.file(
        "more/kustomization.yaml",
        "components: [github.com/owner/name//parts?ref=v1]\npatches: [{ path: 'git@git.example.com:o/n.git' }]\n",
    );
    let (code, out, err) = infra(&folder, &RENDER);
    assert_eq!((code, out.as_str()), (Some(3), ""));
    insta::assert_snapshot!("remote_bases", err);
    assert!(!folder.path("bin/environment").exists(), "kustomize has run");

    // Each host is named for itself.
    let some = [&RENDER[..], &["--allow-remote-bases", "example.com,github.com"]].concat();
    let (code, _, err) = infra(&folder, &some);
    assert!(code == Some(3) && err.contains("git.example.com") && !err.contains("github"), "{err}");
    let all = [&some[..], &["--allow-remote-bases", "git.example.com"]].concat();
    let (code, out, err) = infra(&folder, &all);
    assert!(code == Some(0) && out.contains("name: built"), "{err}");
}

#[test]
fn what_is_not_found_beforehand_has_no_way_out() {
    let folder = place("resources: [namespace.yaml]\n", KUSTOMIZE);
    let environment = |words: &[&str]| {
        let (code, _, err) = infra(&folder, words);
        assert_eq!(code, Some(0), "{err}");
        fs::read_to_string(folder.path("bin/environment")).unwrap()
    };
    let closed = environment(&RENDER);
    for line in ["GIT_ALLOW_PROTOCOL=none", "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY="] {
        assert!(closed.lines().any(|one| one == line), "no {line} in {closed}");
    }
    let open = environment(&[&RENDER[..], &["--allow-remote-bases", "example.com"]].concat());
    assert!(open.lines().any(|one| one == "NO_PROXY=example.com"), "{open}");
    assert!(open.lines().any(|one| one == "GIT_ALLOW_PROTOCOL=https:ssh"), "{open}");
}

#[test]
fn a_build_that_never_ends_is_ended() {
    let folder = place("resources: [namespace.yaml]\n", "#!/bin/sh\nexec sleep 1000\n");
    folder.file(
        "infra.toml",
        "[cluster]\nname = \"demo\"\nprovider = \"do\"\n[providers.do]\nregion = \"fra1\"\nimage = \"ubuntu-24-04-x64\"\n\
         [apps]\nbase = \"base\"\nkustomize_timeout = \"1s\"\n",
    );
    let (code, _, err) = infra(&folder, &["apps", "render"]);
    assert!(code == Some(3) && err.contains("kustomize build: it took more than 1s"), "{err}");
}
