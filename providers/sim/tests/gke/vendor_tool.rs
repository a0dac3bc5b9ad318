//! The vendor's own tool, where it is installed: it reads answers strictly.

use std::process::{Command, Output};

use super::client::{Google, REGION};

fn gcloud(google: &Google, home: &std::path::Path, args: &[&str]) -> Option<Output> {
    let mut command = Command::new("gcloud");
    command.args(args).env("CLOUDSDK_CONFIG", home).env("KUBECONFIG", home.join("kubeconfig"));
    command.env("CLOUDSDK_CORE_PROJECT", &google.endpoint.gcp.project);
    command.env("CLOUDSDK_CORE_DISABLE_PROMPTS", "1");
    command.env("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "1");
    command.env("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", home.join("token"));
    for (name, value) in google.endpoint.exports() {
        if name.starts_with("CLOUDSDK_") {
            command.env(name, value);
        }
    }
    std::fs::write(home.join("token"), &google.endpoint.gcp.token).unwrap();
    match command.output() {
        Ok(output) => Some(output),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => panic!("gcloud: {e}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gcloud_lists_describes_and_deletes() {
    let dir = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    let google = Google::start(dir.path()).await;
    google.cluster("one", 1).await;
    let text = |args: &[&str]| {
        let output = gcloud(&google, home.path(), args)?;
        let all = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        Some(format!("{all}{said}"))
    };
    let Some(listed) = text(&["container", "clusters", "list"]) else {
        eprintln!("SKIPPED: gcloud is not installed");
        return google.end().await;
    };
    assert!(listed.contains("RUNNING") && listed.contains("1.34.5-gke.1076000"), "{listed}");
    let region = ["--region", REGION];
    let run = |front: &[&str]| text(&[front, &region].concat()).unwrap_or_default();
    let pools = run(&["container", "node-pools", "list", "--cluster", "one"]);
    assert!(pools.contains("worker"), "{pools}");
    let described = run(&["container", "clusters", "describe", "one"]);
    assert!(described.contains("currentNodeCount: 3"), "{described}");
    run(&["container", "clusters", "get-credentials", "one"]);
    let config = std::fs::read_to_string(home.path().join("kubeconfig")).unwrap();
    assert!(config.contains("gke-gcloud-auth-plugin"), "{config}");
    run(&["container", "clusters", "resize", "one", "--node-pool", "worker", "--num-nodes", "0"]);
    let deleted = run(&["container", "clusters", "delete", "one"]);
    assert!(deleted.contains("Deleted"), "{deleted}");
    google.end().await;
}
