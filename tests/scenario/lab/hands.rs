//! What a person does in the cloud's console: calls to its API that `infra` knows nothing of.
#![allow(dead_code, reason = "each scenario uses some of them")]

use reqwest::{Certificate, Client, Method};
use serde_json::{Value, json};

use super::Lab;

impl Lab {
    /// A request to the embedded cloud past the program, as another user of the account makes it.
    #[track_caller]
    pub fn by_hand(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let endpoint = self.endpoint();
        let text = |name: &str| endpoint[name].as_str().unwrap().to_owned();
        let ca = std::fs::read(self.path().join(text("ca_file"))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (status, answer) = runtime.block_on(async {
            let ca = Certificate::from_pem(&ca).unwrap();
            let client = Client::builder().no_proxy().tls_certs_only([ca]).build().unwrap();
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let url = format!("{}{path}", text("digitalocean"));
            let mut request = client.request(method, url).bearer_auth(text("token"));
            if let Some(body) = body {
                request = request.json(&body);
            }
            let answer = request.send().await.unwrap();
            (answer.status(), answer.text().await.unwrap())
        });
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap_or_default()
    }

    /// DELETE of a path of the API, `droplets/7`, as the account's owner.
    #[track_caller]
    pub fn delete_by_hand(&self, path: &str) {
        self.by_hand("DELETE", &format!("/v2/{path}"), None);
    }

    /// Deletes the machine `name`, and nothing else. Returns when it is gone.
    #[track_caller]
    pub fn delete_machine(&self, name: &str) {
        let id = self.machine_id(name).unwrap_or_else(|| panic!("there is no machine {name}"));
        self.delete_by_hand(&format!("droplets/{id}"));
        while self.machine_id(name) == Some(id) {
            std::thread::yield_now();
        }
    }

    /// Switches the machine `name` off. Returns when it is.
    #[track_caller]
    pub fn power_off(&self, name: &str) {
        let id = self.machine_id(name).unwrap_or_else(|| panic!("there is no machine {name}"));
        let body = json!({"type": "power_off"});
        self.by_hand("POST", &format!("/v2/droplets/{id}/actions"), Some(body));
        let is_off = |lab: &Self| {
            let inventory = lab.inventory();
            let machine = inventory.of("droplets").iter().find(|one| one["id"] == id).cloned();
            machine.is_some_and(|one| one["status"] == "off")
        };
        while !is_off(self) {
            std::thread::yield_now();
        }
    }

    /// The id of the machine `name`.
    pub fn machine_id(&self, name: &str) -> Option<u64> {
        let inventory = self.inventory();
        let machine = inventory.of("droplets").iter().find(|one| one["name"] == name)?;
        machine["id"].as_u64()
    }

    /// Somebody's load balancer in a network; its id.
    pub fn add_balancer(&self, name: &str, vpc: &str) -> String {
        let body = json!({
            "name": name, "region": "fra1", "droplet_ids": [], "vpc_uuid": vpc, "tags": ["mail"],
            "forwarding_rules": [{"entry_protocol": "tcp", "entry_port": 8025,
                "target_protocol": "tcp", "target_port": 25}],
        });
        let made = self.by_hand("POST", "/v2/load_balancers", Some(body));
        made["load_balancer"]["id"].as_str().unwrap().to_owned()
    }

    /// Somebody's machine in a network, without a tag; its id.
    pub fn add_droplet(&self, name: &str, vpc: &str) -> String {
        let body = json!({
            "name": name, "region": "fra1", "size": "s-1vcpu-1gb", "image": "ubuntu-24-04-x64",
            "vpc_uuid": vpc,
        });
        self.by_hand("POST", "/v2/droplets", Some(body))["droplet"]["id"].to_string()
    }
}
