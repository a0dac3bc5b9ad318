//! What cannot work is said in one message, before anything is made.

use serde_json::json;

use super::{
    lab::{AwsLab, Config, count, more},
    moto::{REQUEST_ID, texts},
};

fn with(settings: &'static str) -> Option<AwsLab> {
    AwsLab::of(&Config { settings, ..Config::default() })
}

#[test]
fn what_aws_does_not_have_is_said_at_plan() {
    let Some(lab) = with("zones = [\"a\", \"z\"]") else { return };
    lab.infra(&["plan"]).expect(3).warns("the account has no zone `eu-central-1z`");
    // All of it at once: each finding costs an edit of the file.
    let good = lab.lab.read("infra.toml");
    let foreign = "\n[dns]\ndomain = \"shop.example.com\"\nmanage_zone = false\n";
    let bad = good.replace("t3.medium", "t3.mediun").replace("ubuntu-*", "nothing-*") + foreign;
    lab.lab.write("infra.toml", &bad);
    let plan = lab.infra(&["plan"]).expect(3);
    plan.warns("the account has no zone `eu-central-1z`")
        .warns("the type `t3.mediun` does not exist")
        .warns("nothing-*` does not exist in eu-central-1")
        .warns("the account has no zone shop.example.com")
        .warns("infra.toml:28:");
    lab.lab.write("infra.toml", &good);
    let toml = lab.lab.read("infra.toml").replace("[\"a\", \"z\"]", "[\"a\"]");
    lab.lab.write("infra.toml", &toml.replace("t3.medium", "t3.mediun"));
    let plan = lab.infra(&["plan"]).expect(3);
    plan.warns("the type `t3.mediun` does not exist in eu-central-1")
        .warns("did you mean `t3.medium`?");
    lab.lab.write("infra.toml", &toml.replace("ubuntu-*", "nothing-*"));
    lab.infra(&["plan"]).expect(3).warns("does not exist in eu-central-1");
}

#[test]
fn the_wrong_account_and_no_account_at_all() {
    let Some(lab) = with("account = \"999999999999\"") else { return };
    let before = lab.inventory();
    let wrong = lab.infra(&["apply", "--yes"]).expect(4);
    wrong.warns("infra.toml wants 999999999999");
    let mut bare = lab.command(&["plan"]);
    bare.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    crate::lab::Ran::of(&mut bare).expect(4).warns("no credentials").warns("AWS_PROFILE");
    assert_eq!(super::lab::more(&before, &lab.inventory()), Vec::<String>::new());
}

#[test]
fn a_session_that_is_over_is_told_with_the_request() {
    let Some(lab) = with("") else { return };
    lab.moto.fault(
        &lab.keys,
        json!({"call": "GetCallerIdentity", "code": "ExpiredToken", "status": 403,
               "message": "The security token included in the request is expired"}),
    );
    let ran = lab.infra(&["plan"]).expect(4);
    ran.warns("ExpiredToken").warns(REQUEST_ID).warns("aws sso login");
}

#[test]
fn a_quota_in_the_middle_leaves_what_the_next_run_takes_up() {
    let Some(lab) = AwsLab::of(&Config { workers: 4, ..Config::default() }) else { return };
    let before = lab.inventory();
    lab.moto.fault(
        &lab.keys,
        json!({"call": "RunInstances", "code": "VcpuLimitExceeded", "skip": 1, "count": 99,
               "message": "You have requested more vCPU capacity than your current limit of 4"}),
    );
    let ran = lab.infra(&["apply", "--yes"]).expect(8);
    let ran = ran.warns("VcpuLimitExceeded").warns(REQUEST_ID).warns("servicequotas");
    let some = count(&before, &lab.inventory(), "instanceId");
    assert!((1..5).contains(&some), "{some} machines: {ran}");
    lab.moto.clear_faults(&lab.keys);
    lab.infra(&["apply", "--yes"]).ok();
    assert_eq!(count(&before, &lab.inventory(), "instanceId"), 5);
    lab.infra(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new());
}

#[test]
fn an_image_that_vanished_is_named() {
    let Some(lab) = with("") else { return };
    lab.moto.fault(
        &lab.keys,
        json!({"call": "RunInstances", "code": "InvalidAMIID.NotFound", "count": 99,
               "message": "The image id '[ami-0123]' does not exist"}),
    );
    let ran = lab.infra(&["apply", "--yes"]).expect(8);
    let ran = ran.warns("InvalidAMIID.NotFound").warns(REQUEST_ID).warns("--replace");
    drop(ran);
    lab.moto.clear_faults(&lab.keys);
    lab.infra(&["apply", "--yes", "--replace", "image.nodes"]).ok();
    lab.infra(&["plan", "--detailed-exitcode"]).ok();
}

#[test]
fn names_that_somebody_else_has() {
    let taken = "[artifacts]\nbucket = \"infra-taken-by-another\"\n";
    let Some(lab) = AwsLab::of(&Config { more: taken, ..Config::default() }) else { return };
    let (bucket, key) = ("/infra-taken-by-another", "/infra-taken-by-another/theirs");
    for path in [bucket, key] {
        let made = lab.moto.send("PUT", path, "s3", "us-east-1", &lab.keys.id, "");
        assert!(made.contains(" 200 "), "{made}");
    }
    let ran = lab.infra(&["apply", "--yes"]).expect(8);
    let ran = ran.warns("holds objects that are not this cluster's").warns("under [artifacts]");
    assert!(!ran.stderr.contains("instance.worker-1: creating"), "no machine without it: {ran}");

    let Some(lab) = with("") else { return };
    lab.moto.fault(
        &lab.keys,
        json!({"call": "PUT", "code": "BucketAlreadyExists", "status": 409,
               "message": "The requested bucket name is not available"}),
    );
    let ran = lab.infra(&["apply", "--yes"]).expect(8);
    ran.warns("BucketAlreadyExists").warns(REQUEST_ID).warns("`bucket` under [artifacts]");
    // The name was free after all.
    lab.infra(&["apply", "--yes"]).ok();

    let foreign = "[dns]\ndomain = \"shop.example.com\"\nmanage_zone = false\n";
    let Some(lab) = AwsLab::of(&Config { more: foreign, ..Config::default() }) else { return };
    let before = lab.inventory();
    lab.infra(&["apply", "--yes"]).expect(3).warns("the account has no zone shop.example.com");
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new(), "found at plan");

    // A second zone of that name would be made, which nobody is delegated to.
    let managed = "[dns]\ndomain = \"shop.example.com\"\n";
    let Some(lab) = AwsLab::of(&Config { more: managed, ..Config::default() }) else { return };
    let zone = "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
                <Name>shop.example.com</Name><CallerReference>theirs</CallerReference>\
                </CreateHostedZoneRequest>";
    let path = "/2013-04-01/hostedzone";
    lab.moto.send("POST", path, "route53", "us-east-1", &lab.keys.id, zone);
    let before = lab.inventory();
    let ran = lab.infra(&["apply", "--yes"]).expect(3);
    ran.warns("that is not this cluster's").warns("manage_zone = false");
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new(), "found at plan");
    lab.lab.write(
        "infra.toml",
        &lab.lab
            .read("infra.toml")
            .replace("shop.example.com\"", "shop.example.com\"\nmanage_zone = false"),
    );
    lab.infra(&["apply", "--yes"]).ok();
    lab.infra(&["plan", "--detailed-exitcode"]).ok();
}

const SITE: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  tls: [{hosts: [HOST], secretName: web-tls}]
  rules:
  - host: HOST
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
";

#[test]
fn keys_for_dns_are_never_the_operators() {
    let more = "[dns]\ndomain = \"shop.example.com\"\n[tls]\nissuer = \"acme\"\n[tls.acme]\n\
                email = \"ops@example.com\"\nchallenge = \"dns-01\"\n";
    let Some(lab) = AwsLab::of(&Config { more, ..Config::default() }) else { return };
    let plan = |id: &str, secret: &str| {
        let mut command = lab.command(&["plan"]);
        command.env("AWS_DNS_ACCESS_KEY_ID", id).env("AWS_DNS_SECRET_ACCESS_KEY", secret);
        crate::lab::Ran::of(&mut command)
    };
    let own = &lab.keys.id;
    for (id, secret, said) in [
        ("", "s3cret", "AWS_DNS_ACCESS_KEY_ID is not set"),
        ("AKIAEXAMPLE", "", "AWS_DNS_SECRET_ACCESS_KEY is not set"),
        ("AKIA EXAMPLE", "s3cret", "holds characters that no key has"),
        ("ASIAEXAMPLE", "s3cret", "is of a session, which ends"),
    ] {
        let refused = plan(id, secret).expect(4);
        let refused = refused.warns(said).warns("docs/providers/aws.md has its policy");
        assert!(!refused.stderr.contains("s3cret"), "{refused}");
    }
    // An operator's own key, which is of no session.
    let mut command = lab.command(&["plan"]);
    command.env("AWS_ACCESS_KEY_ID", own.replace("ASIA", "AKIA")).env_remove("AWS_SESSION_TOKEN");
    command.env("AWS_DNS_ACCESS_KEY_ID", own.replace("ASIA", "AKIA"));
    command.env("AWS_DNS_SECRET_ACCESS_KEY", "s3cret");
    crate::lab::Ran::of(&mut command).expect(4).warns("is your own key, and would lie in");

    let good = plan("AKIAEXAMPLE", "s3cret").ok();
    assert!(good.changed("+").contains(&"suite.cert-manager".to_owned()), "{good}");
    assert!(!format!("{good}").contains("s3cret"), "{good}");

    // They may change the records of one zone.
    let before = lab.lab.read("infra.toml");
    std::fs::create_dir_all(lab.lab.file("apps")).unwrap();
    lab.lab.write("infra.toml", &format!("{before}\n[apps]\nbase = \"apps\"\n"));
    for (host, code) in
        [("www.shop.example.com", 0), ("shop.example.com", 0), ("eshop.example.com", 3)]
    {
        lab.lab.write("apps/site.yaml", &SITE.replace("HOST", host));
        let ran = plan("AKIAEXAMPLE", "s3cret").expect(code);
        if code != 0 {
            ran.warns("dns-01 certifies no host outside of shop.example.com here").warns(host);
        }
    }
    lab.lab.write("infra.toml", &before);

    let token = lab.lab.read("infra.toml") + "token = { env = \"DNS\" }\n";
    lab.lab.write("infra.toml", &token);
    let ran = lab.run(&["validate"]).expect(3);
    ran.warns("`token` has no meaning on aws").warns("AWS_DNS_ACCESS_KEY_ID");
}

#[test]
fn a_region_that_is_none() {
    let Some(lab) = with("") else { return };
    let toml = lab.lab.read("infra.toml").replace("eu-central-1", "eu-centrall-1");
    lab.lab.write("infra.toml", &toml);
    // A region that does not exist has no name in DNS: nothing can be connected to.
    let mut command = lab.command(&["plan"]);
    let plan = crate::lab::Ran::of(command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1"));
    plan.expect(3)
        .warns("nothing answers for the region `eu-centrall-1`")
        .warns("did you mean `eu-central-1`?");
}

#[test]
fn a_type_that_a_zone_lacks() {
    let Some(lab) = AwsLab::of(&Config { workers: 3, ..Config::default() }) else { return };
    let toml = lab.lab.read("infra.toml").replace("t3.medium", "c3.large");
    lab.lab.write("infra.toml", &toml);
    lab.infra(&["plan"])
        .expect(3)
        .warns("the type `c3.large` is not offered in eu-central-1c")
        .warns("infra.toml:24:")
        .warns("it is in eu-central-1a, eu-central-1b");
    lab.lab.write("infra.toml", &toml.replace("image =", "zones = [\"a\", \"b\"]\nimage ="));
    lab.infra(&["plan"]).ok();
}

#[test]
fn what_keeps_a_network_from_going_is_named() {
    let Some(lab) = with("") else { return };
    let before = lab.inventory();
    lab.infra(&["apply", "--yes"]).ok();
    let made = lab.inventory();
    let subnet = made["subnetId"].difference(&before["subnetId"]).next().unwrap();
    let answer = lab.ec2(&format!(
        "Action=CreateNetworkInterface&SubnetId={subnet}&Description=ELB%20net/theirs/0123"
    ));
    let interface = texts(&answer, "networkInterfaceId").pop().unwrap();
    // moto lets a subnet go with what is in it.
    lab.moto.fault(
        &lab.keys,
        json!({"call": "DeleteSubnet", "code": "DependencyViolation", "count": 9999,
               "message": "The subnet has dependencies and cannot be deleted"}),
    );
    let mut destroy = lab.start(&["destroy", "--yes"]);
    assert!(destroy.until_says(&format!("{interface} (ELB net/theirs/0123); trying again in")));
    // It is waited for, and continues as soon as it may.
    lab.moto.clear_faults(&lab.keys);
    lab.ec2(&format!("Action=DeleteNetworkInterface&NetworkInterfaceId={interface}"));
    destroy.wait().ok();
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new());
}
