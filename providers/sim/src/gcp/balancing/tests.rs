//! What the controllers of a cluster make, without the cluster.

use infra_sim_kube::{LoadBalancerPort, LoadBalancerRequest, VolumeRequest};
use serde_json::json;

use super::cluster::Cluster;
use super::{disks, ensure, remove};
use crate::gcp::compute::{Kind, put};
use crate::world::{GcpState, State, World};

fn cluster(version: &str) -> Cluster {
    Cluster {
        seq: 9,
        project: "p".into(),
        name: "c".into(),
        location: "europe-west3".into(),
        region: "europe-west3".into(),
        network: "projects/p/global/networks/n".into(),
        tag: "gke-c-1a2b3c4d-node".into(),
        id: "1a2b3c4d5e6f7a8b".into(),
        version: version.into(),
        pods: "10.4.0.0/14".into(),
    }
}

fn request(name: &str, service: &str) -> LoadBalancerRequest {
    LoadBalancerRequest {
        cluster: "c".into(),
        service_uid: String::new(),
        name: name.into(),
        vpc_id: None,
        tags: Vec::new(),
        ports: vec![LoadBalancerPort { port: 80, node_port: 30080, protocol: "tcp".into() }],
        droplet_ids: Vec::new(),
        nodes: Vec::new(),
        service: service.into(),
        source_ranges: Vec::new(),
        health_check_node_port: None,
        token: String::new(),
    }
}

fn with_network(test: impl FnOnce(&mut State)) {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(dir.path(), 1).unwrap();
    world.write(|w| {
        let kind = Kind::of("networks").unwrap();
        let mut network = json!({"name": "n", "autoCreateSubnetworks": false});
        put(w, kind, "p", "global", &mut network, GcpState::Ready).unwrap();
        test(w);
    });
}

fn paths(w: &State) -> Vec<&str> {
    let made = w.gcp_resources.iter().filter(|r| r.made_by == Some(9));
    made.map(|r| r.path.trim_start_matches("projects/p/")).collect()
}

#[test]
fn a_service_gets_the_parts_that_gke_makes() {
    with_network(|w| {
        let cluster = cluster("1.34.0");
        let first = ensure::balancer(w, &cluster, &request("a1", "default/web")).unwrap();
        assert_eq!(first.ip, None, "it is not in force yet");
        assert_eq!(
            paths(w),
            [
                "global/firewalls/k8s-fw-a1",
                "global/firewalls/k8s-1a2b3c4d5e6f7a8b-node-http-hc",
                "global/httpHealthChecks/k8s-1a2b3c4d5e6f7a8b-node",
                "regions/europe-west3/targetPools/a1",
                "regions/europe-west3/forwardingRules/a1",
            ]
        );
        let rule = w.gcp_resources.by_id("projects/p/regions/europe-west3/forwardingRules/a1");
        let rule = rule.unwrap().clone();
        assert_eq!(rule.body["description"], r#"{"kubernetes.io/service-name":"default/web"}"#);
        // The second time nothing changes; a change is laid over what is there.
        ensure::balancer(w, &cluster, &request("a1", "default/web")).unwrap();
        let mut other = request("a1", "default/web");
        other.ports[0].port = 81;
        ensure::balancer(w, &cluster, &other).unwrap();
        assert_eq!(paths(w).len(), 5);
        let changed = w.gcp_resources.by_id(&rule.path).unwrap();
        assert_eq!(changed.body["portRange"], "81-81");
        assert_eq!(changed.body["IPAddress"], rule.body["IPAddress"]);
        assert_eq!(w.load_balancers.len(), 1);
        assert_eq!(w.load_balancers.by_id(&rule.path).unwrap().forwarding_rules[0].entry_port, 81);
    });
}

#[test]
fn what_load_balancers_share_goes_with_the_last_one() {
    with_network(|w| {
        let cluster = cluster("1.34.0");
        ensure::balancer(w, &cluster, &request("a1", "default/web")).unwrap();
        ensure::balancer(w, &cluster, &request("a2", "default/api")).unwrap();
        remove::balancer(w, &cluster, "a1");
        assert_eq!(paths(w).len(), 5);
        remove::balancer(w, &cluster, "a2");
        remove::balancer(w, &cluster, "a2");
        assert!(paths(w).is_empty(), "{:?}", paths(w));
        assert!(w.load_balancers.is_empty());
    });
}

#[test]
fn local_traffic_has_a_check_of_its_own() {
    with_network(|w| {
        let cluster = cluster("1.34.0");
        let mut local = request("a1", "default/web");
        local.health_check_node_port = Some(31000);
        local.source_ranges = vec!["192.0.2.0/24".into()];
        ensure::balancer(w, &cluster, &local).unwrap();
        let check = w.gcp_resources.by_id("projects/p/global/httpHealthChecks/a1").unwrap();
        assert_eq!(check.body["port"], 31000);
        assert!(w.gcp_resources.by_id("projects/p/global/firewalls/k8s-a1-http-hc").is_some());
        let traffic = w.gcp_resources.by_id("projects/p/global/firewalls/k8s-fw-a1").unwrap();
        assert_eq!(traffic.body["sourceRanges"], json!(["192.0.2.0/24"]));
        remove::balancer(w, &cluster, "a1");
        assert!(paths(w).is_empty(), "{:?}", paths(w));
    });
}

#[test]
fn disks_tell_their_claim_and_only_some_their_cluster() {
    with_network(|w| {
        let mut volume = VolumeRequest {
            name: "pvc-1".into(),
            size_gib: 5,
            region: None,
            zone: Some("europe-west3-b".into()),
            claim: "default/data".into(),
            kind: None,
            tags: Vec::new(),
            token: String::new(),
        };
        let handle = disks::make(w, &cluster("1.34.0"), &volume).unwrap();
        assert_eq!(handle, "projects/p/zones/europe-west3-b/disks/pvc-1");
        assert_eq!(disks::make(w, &cluster("1.34.0"), &volume).unwrap(), handle);
        let disk = w.gcp_resources.by_id(&handle).unwrap();
        let description: serde_json::Value =
            serde_json::from_str(disk.body["description"].as_str().unwrap()).unwrap();
        assert_eq!(description["kubernetes.io/created-for/pvc/name"], "data");
        assert_eq!(disk.body["labels"]["goog-k8s-cluster-name"], "c");
        volume.name = "pvc-2".into();
        let bare = disks::make(w, &cluster("1.35.6"), &volume).unwrap();
        assert!(w.gcp_resources.by_id(&bare).unwrap().body.get("labels").is_none());
        disks::delete(w, &handle).unwrap();
        disks::delete(w, &handle).unwrap();
        assert!(disks::attach(w, 9, &handle, Some(1)).is_err());
        assert!(disks::attach(w, 9, &handle, None).is_ok());
    });
}
