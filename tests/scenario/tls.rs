//! Certificates of sites: who issues them, what a visitor meets, when they are made again, and what
//! is left alone.

use infra_ssl::{Authority, LeafRequest, Names, Validity};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::lab::{Config, Kubectl, Lab, Ran, skipped, visit_tls};

/// An app in each environment, with a site below the domain.
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

const SITE: &str = "site_certificate.test/web-tls";

fn lab(tls: &str) -> Lab {
    let lab = Lab::with(&toml(tls));
    std::fs::create_dir_all(lab.file("apps")).unwrap();
    lab.write("apps/app.yaml", APP);
    lab
}

fn toml(tls: &str) -> String {
    Config { control_planes: 1, workers: 1 }.toml()
        + "\n[dns]\ndomain = \"lab.example.com\"\n\n[apps]\nbase = \"apps\"\n\n[environments.test]\n\n[environments.prod]\n\n"
        + tls
}

fn ingress_ip(lab: &Lab) -> String {
    let inventory = lab.inventory();
    let all = inventory.of("load_balancers");
    let one = all.iter().find(|one| one["name"].as_str().unwrap().contains("web-ingress")).unwrap();
    one["ip"].as_str().unwrap().to_owned()
}

/// What `infra certs` says of a host.
fn host(lab: &Lab, name: &str) -> Value {
    let ran = lab.run_bare(&["certs", "--json"]).ok();
    let all: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    all.into_iter().find(|one| one["host"] == name).unwrap_or_else(|| panic!("no {name}: {ran}"))
}

fn apply(lab: &Lab, environment: &str) -> Ran {
    lab.run(&["apply", "--yes", "--env", environment]).ok()
}

fn planned(lab: &Lab, environment: &str) -> Ran {
    lab.run(&["plan", "--detailed-exitcode", "--env", environment])
}

/// No file of the record, and nothing that was said, holds a private key.
fn assert_no_key(lab: &Lab, said: &[&Ran]) {
    for ran in said {
        assert!(!ran.stdout.contains("PRIVATE KEY") && !ran.stderr.contains("PRIVATE KEY"));
    }
    for entry in std::fs::read_dir(lab.file(".infra/lab")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains("PRIVATE KEY"), "{}", path.display());
        }
    }
}

#[test]
fn the_clusters_own_authority_certifies_each_host_until_no_ingress_names_it() {
    let lab = lab("[tls]\nissuer = \"own\"\n");
    let plan = planned(&lab, "test").expect(2);
    let made = plan.changed("+");
    assert!(made.contains(&SITE.to_owned()), "{plan}");
    assert!(made.contains(&"certificate.site-ca".to_owned()), "{plan}");
    let applied = apply(&lab, "test");
    planned(&lab, "test").ok().says("No changes");
    assert_no_key(&lab, &[&plan, &applied]);

    let one = host(&lab, "test.lab.example.com");
    assert_eq!((&one["secret"], &one["verdict"]), (&"test/web-tls".into(), &"valid".into()));
    assert_eq!((&one["issuer"], &one["days_left"]), (&"CN=lab site-ca".into(), &364.into()));
    lab.run_bare(&["certs"]).ok().says("test.lab.example.com   CN=lab site-ca   ");
    let status = lab.run(&["apps", "status", "--env", "test"]).ok();
    assert!(status.stdout.contains("test.lab.example.com   CN=lab site-ca   "), "{status}");
    let key = lab.file("ssl/lab/site-ca.key");
    let mode = std::os::unix::fs::PermissionsExt::mode(&key.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let ca = lab.file("ssl/lab/site-ca.crt");
    if nix::unistd::geteuid().is_root() {
        let ip = ingress_ip(&lab);
        let body = visit_tls(&ip, "test.lab.example.com", &ca).unwrap();
        assert_eq!(body, "simulated answer of service test/web\n");
        // A name that no certificate is for gets the controller's own, which nobody trusts.
        let refused = visit_tls(&ip, "other.lab.example.com", &ca).unwrap_err();
        assert!(refused.contains("InvalidCertificate"), "{refused}");
        // Whoever trusts Kubernetes' authority does not trust a site because of that.
        let refused = visit_tls(&ip, "test.lab.example.com", &lab.file("ssl/lab/ca.crt"));
        assert!(refused.unwrap_err().contains("UnknownIssuer"));
        curl(&lab, &ip);
    } else {
        skipped("port 443 of the load balancer is for root: the site is not visited");
    }

    // Longer periods put it inside its renewal period.
    lab.write(
        "infra.toml",
        &toml("[tls]\nissuer = \"own\"\n\n[certificates]\nvalidity = \"2y\"\nrenew_before = \"400d\"\n"),
    );
    let plan = planned(&lab, "test").expect(2);
    assert_eq!(plan.changed("~"), ["certificate.admin", "certificate.kubeconfig", SITE], "{plan}");
    plan.says("it ends in 364 days");
    apply(&lab, "test");
    planned(&lab, "test").ok();
    assert_eq!(host(&lab, "test.lab.example.com")["days_left"], 729);

    // Deleted by hand, it is made again.
    if let Some(kubectl) = Kubectl::of(&lab, "lab") {
        kubectl.run(&["delete", "secret", "web-tls", "-n", "test"]).ok();
        assert!(
            host(&lab, "test.lab.example.com")["verdict"].as_str().unwrap().contains("missing")
        );
        assert_eq!(planned(&lab, "test").expect(2).changed("+"), [SITE]);
        apply(&lab, "test");
        planned(&lab, "test").ok();
    }

    // Another environment leaves it alone, and it leaves the other's alone.
    let plan = planned(&lab, "prod").expect(2);
    assert_eq!(plan.changed("-"), Vec::<String>::new(), "{plan}");
    apply(&lab, "prod");
    planned(&lab, "prod").ok();
    planned(&lab, "test").ok();

    // The Ingress goes, and then its certificate.
    lab.write("apps/app.yaml", &APP.replace("infra.dev/subdomain", "infra.dev/none"));
    let plan = planned(&lab, "test").expect(2);
    assert_eq!(plan.changed("-"), [SITE], "{plan}");
    apply(&lab, "test");
    planned(&lab, "test").ok();
    assert_eq!(host(&lab, "prod.lab.example.com")["verdict"], "valid");
    if let Some(kubectl) = Kubectl::of(&lab, "lab") {
        assert_eq!(kubectl.run(&["get", "secret", "web-tls", "-n", "test"]).code, Some(1));
    }
    lab.run(&["destroy", "--yes", "--env", "test"]).ok();
    lab.inventory().assert_empty();
    assert!(!lab.file("ssl/lab").exists());
}

/// The words of the README, with the program that people have.
fn curl(lab: &Lab, ip: &str) {
    let mut curl = std::process::Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--cacert", "ssl/lab/site-ca.crt"]);
    curl.args(["--resolve", &format!("test.lab.example.com:443:{ip}")]);
    curl.arg("https://test.lab.example.com").current_dir(lab.path());
    match curl.output() {
        Ok(ran) => {
            let said = String::from_utf8_lossy(&ran.stdout).into_owned();
            assert_eq!(said, "simulated answer of service test/web\n", "{ran:?}");
        }
        Err(_) => skipped("no curl on this machine: the site is not visited with it"),
    }
}

#[test]
fn a_secret_that_somebody_else_made_is_never_touched() {
    let lab = lab("");
    apply(&lab, "test");
    let missing = host(&lab, "test.lab.example.com");
    assert_eq!(missing["verdict"], "missing: there is no Secret test/web-tls");
    let Some(kubectl) = Kubectl::of(&lab, "lab") else { return };
    let literal = ["--from-literal=tls.crt=mine", "--from-literal=tls.key=mine"];
    kubectl
        .run(&[&["create", "secret", "generic", "web-tls", "-n", "test"], &literal[..]].concat())
        .ok();
    lab.write("infra.toml", &toml("[tls]\nissuer = \"own\"\n"));
    for verb in [&["plan"][..], &["apply", "--yes"]] {
        lab.run(&[verb, &["--env", "test"]].concat())
            .expect(3)
            .warns("the Secret test/web-tls is there, and infra did not make it")
            .warns("add exclude = [\"test/web-tls\"] to [tls]");
    }
    lab.write("infra.toml", &toml("[tls]\nissuer = \"own\"\nexclude = [\"test/web-tls\"]\n"));
    apply(&lab, "test");
    let there = kubectl.run(&["get", "secret", "web-tls", "-n", "test", "-o", "jsonpath={.data}"]);
    assert!(there.ok().stdout.contains("bWluZQ=="));
    lab.run(&["destroy", "--yes", "--env", "test"]).ok();
}

/// Writes a certificate of some authority for these names, that began and ends so many days from now.
fn bring(lab: &Lab, name: &str, names: &[&str], begin: i64, end: u32) {
    let made = Timestamp::now() + SignedDuration::from_hours(24 * begin);
    let validity = Validity { ca_days: 3650, leaf_days: end, renew_before_days: 0 };
    let ca = Authority::create("Some CA", Some(0), &validity, made).unwrap();
    let request = LeafRequest::site(Names::parse(names).unwrap());
    let issued = ca.issue(&request, &validity, made).unwrap();
    std::fs::create_dir_all(lab.file("certs")).unwrap();
    lab.write(&format!("certs/{name}.pem"), &issued.cert_pem);
    lab.write(&format!("certs/{name}.key"), issued.key.pem().expose_secret());
    lab.write(&format!("certs/{name}-ca.pem"), ca.cert_pem());
}

const BROUGHT: &str = "[[tls.file]]
host = \"test.lab.example.com\"
cert = \"certs/shop.pem\"
key = \"certs/shop.key\"
";

#[test]
fn files_that_cannot_serve_their_hosts_are_refused_with_their_line() {
    let lab = lab(BROUGHT);
    let text = lab.read("infra.toml");
    let line = |part: &str| {
        let at = text.lines().position(|line| line.contains(part)).unwrap() + 1;
        format!("infra.toml:{at}:")
    };
    let (cert, key) = (line("cert ="), line("key ="));
    let refused = |words: [&str; 2]| {
        let ran = lab.run_bare(&["validate", "--env", "test"]).expect(3);
        let said = ran.stderr.replace(&format!("{}/", lab.path().display()), "");
        let mut words = words.iter().chain(&["cannot use ./certs/shop."]);
        assert!(words.all(|word| said.contains(word)), "no {words:?} in {said}");
        assert!(!said.contains("PRIVATE KEY"), "{said}");
    };
    lab.run_bare(&["validate", "--env", "test"]).expect(3).warns("cannot read ./certs/shop.pem");
    bring(&lab, "shop", &["test.lab.example.com"], -40, 30);
    refused([&cert, "it ended at "]);
    bring(&lab, "shop", &["test.lab.example.com"], 3, 30);
    refused([&cert, "it is not valid before "]);
    bring(&lab, "shop", &["*.example.com"], 0, 30);
    refused([&cert, "it is for *.example.com, not for test.lab.example.com"]);
    bring(&lab, "other", &["test.lab.example.com"], 0, 30);
    lab.write("certs/shop.key", &lab.read("certs/other.key"));
    refused([&key, "the key does not belong to the certificate (CN=*.example.com)"]);
    lab.write(
        "certs/shop.key",
        "-----BEGIN PRIVATE KEY-----\naHVzaA==\n-----END PRIVATE KEY-----\n",
    );
    refused([&key, "it is not an unencrypted private key"]);
    bring(&lab, "shop", &["*.lab.example.com"], 0, 300);
    lab.run_bare(&["validate", "--env", "test"]).ok();
    // In the other environment no Ingress serves that host.
    lab.run_bare(&["validate", "--env", "prod"])
        .expect(3)
        .warns("no Ingress of the suite serves test.lab.example.com with TLS");

    for (tls, said) in [
        ("[tls]\nissuer = \"self\"\n", "`tls.issuer` must be one of own, acme"),
        ("[tls]\nexclude = [\"web-tls\"]\n", "`web-tls` does not name a Secret"),
        (
            "[[tls.file]]\nsecret = \"a\"\ncert = \"c\"\nkey = \"k\"\n",
            "[[tls.file]] needs either `host`, or `secret` and `namespace`",
        ),
        ("[[tls.file]]\nhost = \"a\"\ncert = \"c\"\nkey = \"k\"\n", "the host `a` is refused"),
        (&format!("{BROUGHT}\n{BROUGHT}"), "two files are given for the host test.lab.example.com"),
    ] {
        lab.write("infra.toml", &toml(tls));
        lab.run_bare(&["validate", "--env", "test"]).expect(3).warns(said);
    }
}

#[test]
fn a_certificate_that_is_brought_is_used_and_followed() {
    let lab = lab(&format!("{BROUGHT}\n[tls]\nissuer = \"own\"\n"));
    bring(&lab, "shop", &["*.lab.example.com"], 0, 30);
    let plan = planned(&lab, "test").expect(2);
    plan.says("ends on").says("in 29 days; bring a newer one");
    let applied = apply(&lab, "test");
    planned(&lab, "test").ok();
    assert_no_key(&lab, &[&applied]);
    assert_eq!(host(&lab, "test.lab.example.com")["issuer"], "CN=Some CA");
    if nix::unistd::geteuid().is_root() {
        let ip = ingress_ip(&lab);
        let trusted = visit_tls(&ip, "test.lab.example.com", &lab.file("certs/shop-ca.pem"));
        assert_eq!(trusted.unwrap(), "simulated answer of service test/web\n");
    }

    // Another file is another certificate.
    bring(&lab, "shop", &["test.lab.example.com"], 0, 300);
    assert_eq!(planned(&lab, "test").expect(2).changed("~"), [SITE]);
    let saved = lab.run(&["plan", "--env", "test", "-o", "saved.plan"]).ok();
    assert!(!lab.read("saved.plan").contains("PRIVATE KEY") && !saved.stdout.contains("PRIVATE"));
    bring(&lab, "shop", &["test.lab.example.com"], 0, 301);
    // The plan was about the file as it was.
    assert_ne!(lab.run(&["apply", "saved.plan", "--yes", "--env", "test"]).code, Some(0));
    apply(&lab, "test");
    planned(&lab, "test").ok();
    assert_eq!(host(&lab, "test.lab.example.com")["days_left"], 300);

    // Without the file the cluster's own authority takes over.
    lab.write("infra.toml", &toml("[tls]\nissuer = \"own\"\n"));
    assert_eq!(planned(&lab, "test").expect(2).changed("~"), [SITE]);
    apply(&lab, "test");
    assert_eq!(host(&lab, "test.lab.example.com")["issuer"], "CN=lab site-ca");
    lab.run(&["destroy", "--yes", "--env", "test"]).ok();
}

const ACME: &str = "[tls]\nissuer = \"acme\"\n\n[tls.acme]\nemail = \"ops@example.com\"\nserver = \"https://acme.invalid/directory\"\n";

/// The app with a host that leads nowhere.
fn elsewhere() -> String {
    APP.replace("infra.dev/subdomain", "infra.dev/none")
        + "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: web, namespace: \"${ENVIRONMENT}\" }\nspec: { tls: [{ hosts: [shop.example.org], secretName: shop-tls }], rules: [{ host: shop.example.org, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { name: http } } } }] } }] }\n"
}

/// Asks until `answer` is what is wanted.
fn until<T: std::fmt::Debug>(what: &str, answer: impl Fn() -> T, is_it: impl Fn(&T) -> bool) {
    let begun = std::time::Instant::now();
    loop {
        let now = answer();
        if is_it(&now) {
            return;
        }
        assert!(begun.elapsed().as_secs() < 60, "not in time: {what}; last {now:?}");
    }
}

/// The authority that the embedded ACME server put behind a certificate.
fn acme_authority(lab: &Lab, kubectl: &Kubectl) -> std::path::PathBuf {
    use base64::Engine as _;
    let path = "jsonpath={.data.tls\\.crt}";
    let found = kubectl.run(&["get", "secret", "web-tls", "-n", "test", "-o", path]).ok();
    let chain = base64::engine::general_purpose::STANDARD.decode(found.stdout.trim()).unwrap();
    let chain = String::from_utf8(chain).unwrap();
    let authority = chain.rfind("-----BEGIN CERTIFICATE-----").unwrap();
    lab.write("acme.pem", &chain[authority..]);
    lab.file("acme.pem")
}

#[test]
fn an_acme_server_certifies_hosts_that_lead_here_and_says_why_it_does_not() {
    let lab = lab(ACME);
    let applied = apply(&lab, "test");
    planned(&lab, "test").ok().says("No changes");
    assert_no_key(&lab, &[&applied]);
    let one = host(&lab, "test.lab.example.com");
    assert_eq!((&one["issuer"], &one["verdict"]), (&"CN=Embedded ACME".into(), &"valid".into()));
    let Some(kubectl) = Kubectl::of(&lab, "lab") else { return };
    let rows = kubectl.rows(&["certificates", "-A"]);
    assert_eq!(rows, [["test", "web-tls", "True", "web-tls"]]);
    let certificate = || {
        let path = "jsonpath={.data.tls\\.crt}";
        kubectl.run(&["get", "secret", "web-tls", "-n", "test", "-o", path]).ok().stdout
    };
    if nix::unistd::geteuid().is_root() {
        let ca = acme_authority(&lab, &kubectl);
        let body = visit_tls(&ingress_ip(&lab), "test.lab.example.com", &ca);
        assert_eq!(body.unwrap(), "simulated answer of service test/web\n");
    }

    // Renewed, as `cmctl renew` asks for it.
    let before = certificate();
    let asked = "{\"status\":{\"conditions\":[{\"type\":\"Issuing\",\"status\":\"True\",\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}}";
    let words = ["patch", "certificate", "web-tls", "-n", "test", "--subresource=status"];
    kubectl.run(&[&words[..], &["--type=merge", "-p", asked]].concat()).ok();
    let begun = std::time::Instant::now();
    while certificate() == before {
        assert!(begun.elapsed().as_secs() < 60, "it was not renewed");
    }

    // A host that leads nowhere: the run says so, and the next one resumes.
    lab.write("apps/app.yaml", &elsewhere());
    let failed = lab
        .run(&["apply", "--yes", "--env", "test", "--ready-timeout", "3s"])
        .expect(8)
        .warns("shop.example.org: Waiting for HTTP-01 challenge propagation")
        .warns("no such host");
    assert_no_key(&lab, &[&failed]);
    assert!(host(&lab, "shop.example.org")["verdict"].as_str().unwrap().contains("missing"));
    lab.write("apps/app.yaml", APP);
    apply(&lab, "test");
    planned(&lab, "test").ok();

    // The cluster's own authority takes over, and cert-manager goes.
    lab.write("infra.toml", &toml("[tls]\nissuer = \"own\"\n"));
    let plan = planned(&lab, "test").expect(2);
    assert!(plan.changed("-").contains(&"suite.cert-manager".to_owned()), "{plan}");
    apply(&lab, "test");
    planned(&lab, "test").ok();
    assert_eq!(host(&lab, "test.lab.example.com")["issuer"], "CN=lab site-ca");
    lab.run(&["destroy", "--yes", "--env", "test"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_token_for_dns_is_never_the_operators_and_certifies_wildcards() {
    let wildcard = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: all, namespace: \"${ENVIRONMENT}\" }\nspec: { tls: [{ hosts: [\"*.lab.example.com\"], secretName: all-tls }], rules: [{ host: \"*.lab.example.com\", http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { name: http } } } }] } }] }\n";
    let lab = lab(ACME);
    lab.write("apps/app.yaml", &format!("{APP}{wildcard}"));
    lab.run_bare(&["validate", "--env", "test"])
        .expect(3)
        .warns("http-01 certifies no wildcard such as *.lab.example.com (test/all-tls)");
    let dns = format!("{ACME}challenge = \"dns-01\"\n");
    lab.write("infra.toml", &toml(&dns));
    lab.run_bare(&["validate", "--env", "test"]).ok();
    apply(&lab, "test");
    planned(&lab, "test").ok();
    assert_eq!(host(&lab, "*.lab.example.com")["verdict"], "valid");
    for (tls, said) in [
        ("[tls]\nissuer = \"acme\"\n", "needs to know whom the server writes to"),
        (&ACME.replace("ops@example.com", "ops"), "`ops` is not an e-mail address"),
        (&ACME.replace("https://", "http://"), "is not the directory of an ACME server"),
        (&format!("{ACME}token = {{ env = \"DNS\" }}\n"), "`token` has no meaning for http-01"),
        (&format!("{dns}token = {{ env = \"dop_v1_0a\" }}\n"), "is not the name of an environment"),
    ] {
        lab.write("infra.toml", &toml(tls));
        let ran = lab.run_bare(&["validate", "--env", "test"]).expect(3).warns(said);
        assert!(!format!("{ran}").contains("dop_v1_0a"), "a token is shown: {ran}");
    }
    lab.write("infra.toml", &toml(&dns));
    lab.run(&["destroy", "--yes", "--env", "test"]).ok();
}

const CHALLENGES: [&str; 2] = ["challenges", "-A"];

#[test]
fn cert_manager_goes_with_what_it_holds_also_if_it_does_not_run() {
    let lab = lab(ACME);
    lab.write("apps/app.yaml", &elsewhere());
    // The machines take as long as they take.
    lab.run(&["apply", "--yes", "--env", "test", "--phase", "bootstrap"]).ok();
    let first = ["apply", "--yes", "--env", "test", "--ready-timeout", "10s"];
    lab.run(&first).expect(8).warns("no such host");
    let Some(kubectl) = Kubectl::of(&lab, "lab") else { return };
    assert_eq!(kubectl.rows(&CHALLENGES).len(), 1);

    // It lets go by itself while it runs.
    lab.write("apps/app.yaml", APP);
    lab.write("infra.toml", &toml(""));
    let plan = planned(&lab, "test").expect(2);
    let gone = ["site_certificate.test/shop-tls", "suite.cert-manager"];
    assert!(gone.iter().all(|one| plan.changed("-").contains(&(*one).to_owned())), "{plan}");
    apply(&lab, "test");
    assert_eq!(kubectl.rows(&CHALLENGES), Vec::<Vec<String>>::new());
    planned(&lab, "test").ok();

    lab.write("apps/app.yaml", &elsewhere());
    lab.write("infra.toml", &toml(ACME));
    lab.run(&first).expect(8).warns("no such host");
    let scale = ["scale", "deployment", "cert-manager", "-n", "cert-manager", "--replicas=0"];
    kubectl.run(&scale).ok();
    until("no pod", || kubectl.rows(&["pods", "-n", "cert-manager"]), Vec::is_empty);
    assert_eq!(kubectl.rows(&CHALLENGES).len(), 1);
    lab.write("apps/app.yaml", APP);
    lab.write("infra.toml", &toml(""));
    apply(&lab, "test");
    assert_eq!(kubectl.rows(&CHALLENGES), Vec::<Vec<String>>::new());
    kubectl.run(&["delete", "namespace", "test", "--timeout=60s"]).ok();
    lab.run(&["destroy", "--yes", "--env", "test"]).ok();
}

#[test]
fn cert_manager_stays_while_another_environment_needs_it() {
    let lab = lab(ACME);
    apply(&lab, "test");
    apply(&lab, "prod");
    lab.write("infra.toml", &toml("[tls]\nissuer = \"own\"\n"));
    let stays = "suite.cert-manager stays: certificates still come from it: prod/web-tls (environment prod)";
    let plan = planned(&lab, "test").expect(2).says(stays);
    assert_eq!(plan.changed("-"), Vec::<String>::new(), "{plan}");
    apply(&lab, "test");
    planned(&lab, "test").ok().says(stays);
    assert_eq!(host(&lab, "prod.lab.example.com")["issuer"], "CN=Embedded ACME");
    let plan = planned(&lab, "prod").expect(2);
    assert_eq!(plan.changed("-"), ["suite.cert-manager"], "{plan}");
    apply(&lab, "prod");
    planned(&lab, "prod").ok();
    planned(&lab, "test").ok();
    lab.run(&["destroy", "--yes", "--env", "test"]).ok();
}

#[test]
fn a_right_that_cert_manager_or_the_ingress_controller_lacks_is_named() {
    let lab = lab(ACME);
    apply(&lab, "test");
    let Some(kubectl) = Kubectl::of(&lab, "lab") else { return };
    let reasons = || {
        let path = "jsonpath={.items[*].status.reason}";
        kubectl.run(&["get", "challenges", "-A", "-o", path]).ok().stdout
    };
    let issue_again = || drop(kubectl.run(&["delete", "secret", "web-tls", "-n", "test"]).ok());

    // Nobody serves the Ingress that answers the server.
    kubectl.run(&["delete", "rolebinding", "traefik", "-n", "test"]).ok();
    issue_again();
    let says = |part: &'static str| move |now: &String| now.contains(part);
    until("no answer", reasons, says("wrong status code '404', expected '200'"));
    apply(&lab, "test");
    planned(&lab, "test").ok();
    assert_eq!(host(&lab, "test.lab.example.com")["verdict"], "valid");

    let rules = kubectl.run(&["get", "clusterrole", "cert-manager", "-o", "jsonpath={.rules}"]);
    let rules: Value = serde_json::from_str(&rules.ok().stdout).unwrap();
    let of_ingresses = |rule: &Value| rule["resources"] == serde_json::json!(["ingresses"]);
    let at = rules.as_array().unwrap().iter().position(of_ingresses).unwrap();
    let verbs = format!(
        "[{{\"op\":\"replace\",\"path\":\"/rules/{at}/verbs\",\"value\":[\"get\",\"list\",\"watch\",\"delete\"]}}]"
    );
    kubectl.run(&["patch", "clusterrole", "cert-manager", "--type=json", "-p", &verbs]).ok();
    issue_again();
    let refused = "ingresses.networking.k8s.io is forbidden: User \"system:serviceaccount:cert-manager:cert-manager\" cannot create";
    until("a refusal", reasons, says(refused));
    planned(&lab, "test").expect(2).says(refused);
    let all = rules[at]["verbs"].to_string();
    let verbs = format!("[{{\"op\":\"replace\",\"path\":\"/rules/{at}/verbs\",\"value\":{all}}}]");
    kubectl.run(&["patch", "clusterrole", "cert-manager", "--type=json", "-p", &verbs]).ok();
    apply(&lab, "test");
    planned(&lab, "test").ok();
    lab.run(&["destroy", "--yes", "--env", "test"]).ok();
}
