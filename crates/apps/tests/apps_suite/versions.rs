//! `version = "git"`: what is rolled out is the tag of the commit that is checked out.

use std::{path::Path, process::Command};

use infra_apps::{ImagePolicy, Suite, SuiteSource};

use crate::lab::{Folder, deployment, small};

fn git(folder: &Path, words: &[&str]) {
    let run = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=ops", "-c", "user.email=ops@example.com"])
        .args(["-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"])
        .args(words)
        .output()
        .unwrap();
    assert!(run.status.success(), "{words:?}: {}", String::from_utf8_lossy(&run.stderr));
}

/// A repository whose image carries the version; nothing is tagged yet.
fn repository() -> Folder {
    let folder = small();
    folder.file("base/api.yaml", &deployment("api", "example.com/api:${VERSION}", "{}"));
    git(&folder.path(""), &["init", "-q"]);
    git(&folder.path(""), &["add", "."]);
    git(&folder.path(""), &["commit", "-q", "-m", "api: add it"]);
    folder
}

fn source(folder: &Folder) -> SuiteSource {
    SuiteSource {
        version_from_git: Some(folder.path("")),
        images: ImagePolicy { versioned: vec!["example.com/*".to_owned()], ..Default::default() },
        ..folder.source()
    }
}

/// What is refused, without the name of the commit.
fn refused(folder: &Folder) -> String {
    let error = folder.text(&Suite::load(&source(folder)).expect_err("must be refused"));
    let words = error.split(' ').map(|word| {
        let is_commit = word.len() >= 7 && word.chars().all(|c| c.is_ascii_hexdigit());
        if is_commit { "[commit]" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_tag_of_head_is_the_version() {
    let folder = repository();
    let place = folder.path("");
    insta::assert_snapshot!("untagged", refused(&folder));
    git(&place, &["tag", "release-7"]);
    insta::assert_snapshot!("not_semantic", refused(&folder));
    git(&place, &["tag", "1.4.0"]);
    let suite = Suite::load(&source(&folder)).unwrap();
    assert_eq!(suite.version(), Some("1.4.0"));
    let api = suite.objects().iter().find(|o| o.id.name == "api").unwrap();
    let image = api.value.pointer("/spec/template/spec/containers/0/image").unwrap();
    assert_eq!(image, "example.com/api:1.4.0");

    // What is rolled out would be in no commit: a change, or a file that git does not know.
    let config = std::fs::read_to_string(folder.path("base/config.yaml")).unwrap();
    folder.file("base/config.yaml", &config.replace("info", "debug"));
    insta::assert_snapshot!("dirty", refused(&folder));
    folder.file("base/config.yaml", &config);
    folder.file("base/new.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: { name: new }\n");
    assert!(refused(&folder).contains("differs from the commit [commit] (base/new.yaml)"));
    folder.remove("base/new.yaml");
    // Beside the manifests it matters to nobody, nor does what is no manifest.
    folder.file("notes.txt", "").file("base/.infra/render.key", "").file("base/.env", "A=b");
    Suite::load(&source(&folder)).unwrap();

    git(&place, &["tag", "1.4.1"]);
    assert!(refused(&folder).contains("several versions: 1.4.0, 1.4.1"));
    git(&place, &["commit", "-q", "--allow-empty", "-m", "later"]);
    assert!(refused(&folder).contains("has no tag"));
    // A check that rolls nothing out needs no tag.
    let lenient = SuiteSource { exported_optional: true, ..source(&folder) };
    Suite::load(&lenient).unwrap();
}

#[test]
fn without_a_repository_there_is_a_word_about_it() {
    let folder = small();
    let text = refused(&folder);
    assert!(text.starts_with("cannot take the version from git: ") && text.contains("--version"));
}
