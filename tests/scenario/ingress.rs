//! The ingress controller: what it serves, what it may read, and the one of an earlier version.

use super::lab::{Config, Kubectl, Lab, skipped, visit};

/// An app in each of two environments, and one that only a hand applied.
const APP: &str = "apiVersion: v1
kind: Namespace
metadata: { name: \"${ENVIRONMENT}\" }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: \"${ENVIRONMENT}\" }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: \"web:1\", ports: [{ name: http, containerPort: 80 }] }] }
---
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: \"${ENVIRONMENT}\"
  annotations: { infra.dev/subdomain: \"${ENVIRONMENT}\" }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: http }] }
";

/// What an earlier version of this program had installed, as far as it matters here.
const OLD: &str = "apiVersion: v1
kind: Namespace
metadata: { name: ingress-nginx }
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: nginx }
spec: { controller: k8s.io/ingress-nginx }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ingress-nginx-controller, namespace: ingress-nginx }
spec:
  selector: { matchLabels: { app: ingress-nginx } }
  template:
    metadata: { labels: { app: ingress-nginx } }
    spec:
      containers:
        - { name: controller, image: \"registry.k8s.io/ingress-nginx/controller:v1.12.1\", ports: [{ name: http, containerPort: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: ingress-nginx-controller, namespace: ingress-nginx }
spec: { type: LoadBalancer, selector: { app: ingress-nginx }, ports: [{ name: http, port: 80, targetPort: http }] }
";

fn lab() -> Lab {
    let toml = Config { control_planes: 1, workers: 1 }.toml()
        + "\n[dns]\ndomain = \"lab.example.com\"\n\n[apps]\nbase = \"apps\"\n\n[environments.test]\n\n[environments.prod]\n";
    let lab = Lab::with(&toml);
    std::fs::create_dir_all(lab.file("apps")).unwrap();
    lab.write("apps/app.yaml", APP);
    lab
}

fn ingress_ip(lab: &Lab) -> String {
    let inventory = lab.inventory();
    let all = inventory.of("load_balancers");
    let one = all.iter().find(|one| one["name"].as_str().unwrap().contains("web-ingress")).unwrap();
    one["ip"].as_str().unwrap().to_owned()
}

#[test]
fn the_controller_reads_its_own_namespaces_and_serves_nothing_else() {
    let lab = lab();
    lab.run(&["apply", "--yes", "--env", "test"]).ok();
    lab.run(&["plan", "--detailed-exitcode", "--env", "test"]).ok();
    let Some(kubectl) = Kubectl::of(&lab, "lab") else { return };
    let may = |verb: &str, what: &str, namespace: &str| {
        let account = "system:serviceaccount:traefik:traefik";
        let words = ["auth", "can-i", verb, what, "--as", account];
        let place: &[&str] = if namespace.is_empty() { &["-A"] } else { &["-n", namespace] };
        kubectl.run(&[&words[..], place].concat()).stdout.trim() == "yes"
    };
    // Both environments, though only one is there yet: they share the controller.
    for namespace in ["test", "prod", "traefik"] {
        assert!(may("list", "secrets", namespace), "{namespace}");
    }
    for namespace in ["", "kube-system", "default"] {
        assert!(!may("list", "secrets", namespace), "{namespace:?}");
        assert!(!may("get", "secrets", namespace), "{namespace:?}");
    }
    let hand = APP
        .replace("${ENVIRONMENT}", "hand")
        .replace("  annotations: { infra.dev/subdomain: \"hand\" }\n", "");
    let ingress = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: web, namespace: hand }\nspec: { rules: [{ host: hand.lab.example.com, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { name: http } } } }] } }] }\n";
    lab.write("hand.yaml", &(hand + ingress));
    kubectl.run(&["apply", "-f", &lab.file("hand.yaml").display().to_string()]).ok();
    if nix::unistd::geteuid().is_root() {
        let ip = ingress_ip(&lab);
        assert_eq!(visit(&ip, "test.lab.example.com", "/").0, "HTTP/1.1 200 OK");
        assert_eq!(visit(&ip, "hand.lab.example.com", "/").0, "HTTP/1.1 404 Not Found");
    } else {
        skipped("port 80 of the load balancer is for root: the site is not visited");
    }
    // The other environment changes nothing of the controller.
    let plan = lab.run(&["plan", "--detailed-exitcode", "--env", "prod"]).expect(2);
    assert_eq!(plan.changes().len(), 1, "{plan}");
    lab.run(&["apply", "--yes", "--env", "prod"]).ok();
    lab.run(&["plan", "--detailed-exitcode", "--env", "test"]).ok();
    // Asked for, it reads more.
    let more = lab
        .read("infra.toml")
        .replace("base = \"apps\"", "base = \"apps\"\ningress.namespaces = [\"hand\"]");
    lab.write("infra.toml", &more);
    lab.run(&["apply", "--yes", "--env", "test"]).ok();
    assert!(may("list", "secrets", "hand"));
    if nix::unistd::geteuid().is_root() {
        let ip = ingress_ip(&lab);
        assert_eq!(visit(&ip, "hand.lab.example.com", "/").0, "HTTP/1.1 200 OK");
    }
    lab.run(&["destroy", "--yes", "--env", "test"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_broken_manifest_takes_no_rights_from_the_controller() {
    let lab = lab();
    lab.run(&["apply", "--yes", "--env", "test"]).ok();
    // Targeted at DNS, the plan needs the controller's address, and not the manifests.
    let change = lab.read("infra.toml").replace("[dns]", "[dns]\nttl = 60");
    lab.write("infra.toml", &change);
    lab.write("apps/broken.yaml", "kind: [");
    let words = ["apply", "--yes", "--env", "test", "--target", "record.lab.example.com"];
    let ran = lab.run(&words).ok();
    let records = ["record.api.lab.example.com", "record.lab.example.com"];
    assert_eq!(ran.changed("~"), records, "{ran}");
    if let Some(kubectl) = Kubectl::of(&lab, "lab") {
        for namespace in ["test", "prod"] {
            kubectl.run(&["get", "rolebinding", "traefik", "-n", namespace]).ok();
        }
    }

    // With the state lost, too, nobody knows them: what would change the controller is refused.
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
    lab.run(&words).expect(3).warns("broken.yaml");
    std::fs::remove_file(lab.file("apps/broken.yaml")).unwrap();
    lab.run(&["apply", "--yes", "--env", "test"]).ok();
    lab.run(&["plan", "--detailed-exitcode", "--env", "test"]).ok();
}

#[test]
fn a_class_that_nothing_serves_is_refused_before_anything_is_sent() {
    let lab = lab();
    let ingress = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: old, namespace: \"${ENVIRONMENT}\", annotations: { A } }\nspec: { ingressClassName: C, defaultBackend: { service: { name: web, port: { name: http } } } }\n";
    let with = |class: &str, annotation: &str| {
        let text = ingress
            .replace("C, default", &format!("{class}, default"))
            .replace("A }", &format!("{annotation} }}"));
        lab.write("apps/old.yaml", &text);
    };
    with("nginx", "a: b");
    let refused = lab.run_bare(&["validate"]).expect(3);
    refused.warns("nothing serves the ingress class nginx").warns("apps/old.yaml");
    with("traefik", "nginx.ingress.kubernetes.io/whitelist-source-range: 192.0.2.0/24");
    lab.run_bare(&["validate"]).expect(3).warns("does nothing with Traefik");
    with("nginx", "a: b");
    let own = lab
        .read("infra.toml")
        .replace("base = \"apps\"", "base = \"apps\"\ningress.other_classes = [\"nginx\"]");
    lab.write("infra.toml", &own);
    lab.run_bare(&["validate"]).ok();
}

#[test]
fn an_earlier_controller_goes_when_nothing_leads_to_it() {
    let lab = lab();
    // As it was: the cluster has the old controller, and no new one.
    let before = lab.read("infra.toml");
    lab.write(
        "infra.toml",
        &before.replace("base = \"apps\"", "base = \"apps\"\naddons.ingress = false"),
    );
    lab.run(&["apply", "--yes", "--env", "test"]).ok();
    std::fs::create_dir_all(lab.file("old")).unwrap();
    lab.write("old/old.yaml", OLD);
    let kubeconfig = lab.file("ssl/lab/kubeconfig").display().to_string();
    let old = lab.file("old").display().to_string();
    lab.run_bare(&[
        "apps",
        "apply",
        "--yes",
        "--suite",
        "addon-ingress-nginx",
        "--base",
        &old,
        "--kubeconfig",
        &kubeconfig,
    ])
    .ok();
    lab.write("infra.toml", &before);
    assert_eq!(lab.inventory().of("load_balancers").len(), 2);

    // Kept as long as infra.toml says so.
    lab.write(
        "infra.toml",
        &before.replace("base = \"apps\"", "base = \"apps\"\ningress.keep_retired = true"),
    );
    let plan = lab.run(&["plan", "--detailed-exitcode", "--env", "test"]).expect(2);
    assert_eq!(plan.changed("-"), Vec::<String>::new(), "{plan}");
    lab.write("infra.toml", &before);

    let plan = lab.run(&["plan", "--detailed-exitcode", "--env", "test"]).expect(2);
    assert_eq!(plan.changed("-"), ["suite.ingress-nginx"], "{plan}");
    assert!(plan.changed("+").contains(&"suite.ingress".to_owned()), "{plan}");
    lab.run(&["apply", "--yes", "--env", "test"]).ok();
    lab.run(&["plan", "--detailed-exitcode", "--env", "test"]).ok().says("No changes");
    let inventory = lab.inventory();
    let names = inventory.names("load_balancers");
    assert_eq!(names.len(), 2, "{names:?}");
    let ip = ingress_ip(&lab);
    let records = inventory.of("records").iter();
    assert!(
        records.filter(|one| one["data"].as_str() == Some(&ip)).count() >= 2,
        "DNS leads to the new one"
    );
    lab.run(&["destroy", "--yes", "--env", "test"]).ok();
    lab.inventory().assert_empty();
}
