//! The vendor's own tool, where it is installed.

use tokio::process::Command;

use crate::harness::Harness;

struct Tool<'a> {
    h: &'a Harness,
    config: tempfile::TempDir,
}

impl Tool<'_> {
    async fn run(&self, args: &str) -> (bool, String) {
        let url = self.h.url("/");
        let token = self.config.path().join("token");
        std::fs::write(&token, &self.h.endpoint.gcp.token).unwrap();
        let output = Command::new("gcloud")
            .args(args.split_whitespace())
            .env("CLOUDSDK_CONFIG", self.config.path().join("config"))
            .env("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", token)
            .env("CLOUDSDK_CORE_PROJECT", self.h.project())
            .env("CLOUDSDK_CORE_DISABLE_PROMPTS", "1")
            .env("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "true")
            .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", format!("{url}compute/v1/"))
            .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_DNS", format!("{url}dns/v1/"))
            .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM", &url)
            .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER", &url)
            .output()
            .await
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    }

    async fn ok(&self, args: &str) -> String {
        let (is_good, text) = self.run(args).await;
        assert!(is_good, "gcloud {args}: {text}");
        text
    }
}

#[tokio::test]
async fn the_vendors_tool_makes_and_lists() {
    if Command::new("gcloud").arg("--version").output().await.is_err() {
        eprintln!("gcloud is not installed: its test is skipped");
        return;
    }
    let h = Harness::new().await;
    let tool = Tool { h: &h, config: tempfile::tempdir().unwrap() };
    tool.ok("compute networks create n --subnet-mode=custom").await;
    let range = "--range=10.0.0.0/20 --secondary-range=pods=10.4.0.0/14";
    let subnet = "--network=n --region=europe-west3";
    tool.ok(&format!("compute networks subnets create s {subnet} {range}")).await;
    let list = tool.ok("compute networks list --format=value(name,x_gcloud_subnet_mode)").await;
    assert!(list.contains("CUSTOM"), "{list}");
    let (is_good, text) = tool.run("compute networks delete n").await;
    assert!(!is_good && text.contains("is already being used by"), "{text}");
    tool.ok("dns managed-zones create z --dns-name=example.test. --description=d").await;
    let data = "--type=A --ttl=60 --rrdatas=192.0.2.7";
    tool.ok(&format!("dns record-sets create www.example.test. --zone=z {data}")).await;
    let zones = tool.ok("dns managed-zones list --format=value(dnsName)").await;
    assert_eq!(zones.trim(), "example.test.");
    tool.ok("iam service-accounts create infra-nodes").await;
    let member = format!("serviceAccount:infra-nodes@{}.iam.gserviceaccount.com", h.project());
    let role = "roles/container.defaultNodeServiceAccount";
    let project = h.project();
    let binding = format!("--member={member} --role={role}");
    let policy = tool.ok(&format!("projects add-iam-policy-binding {project} {binding}")).await;
    assert!(policy.contains(role), "{policy}");
}
