//! Machines of pools.

use infra_provider_api::{Address, ManagedBy, Readiness};
use serde_json::json;

use crate::cluster::with_cluster;

const GROUP: &str = "gke-shop-worker-0000000a-grp";
const CALLS: &str = "POST /compute/v1/projects/shop-1/zones/europe-west3-a/instanceGroupManagers/gke-shop-worker-0000000a-grp";

#[tokio::test]
async fn machines_are_of_their_pool() {
    let lab = with_cluster(&[("worker", 2)]).await;
    let machines = lab.list("instance").await;
    let first = &machines[0];
    assert_eq!(first.address.to_string(), "instance.gke-shop-worker-0000000a-m000");
    assert_eq!(first.id, "gke-shop-worker-0000000a-m000");
    assert_eq!(first.made_by, ManagedBy::Group { group: Address::new("node_pool", "worker") });
    let spec = json!({"pool": "worker", "zone": "europe-west3-a", "group": GROUP});
    assert_eq!(first.spec.value(), spec);
    for (output, value) in [
        ("id", first.id.as_str()),
        ("pool", "worker"),
        ("created", "2026-11-30T10:00:00.000-08:00"),
    ] {
        assert_eq!(first.outputs.text(output).as_deref(), Some(value));
    }
}

/// The pair of calls with which one machine takes another's place.
#[tokio::test]
async fn a_machine_is_made_by_name_and_deleted_by_its_group() {
    let lab = with_cluster(&[("worker", 2)]).await;
    let spec = json!({"pool": "worker", "zone": "europe-west3-a", "group": GROUP});
    let name = "gke-shop-worker-0000000a-0a1b";
    let address = format!("instance.{name}");
    let made = lab.create(&address, spec.clone()).await.unwrap();
    assert!(matches!(made.readiness, Readiness::Pending { .. }));
    lab.create(&address, spec).await.unwrap();
    assert_eq!(lab.effects(), [format!("{CALLS}/createInstances")]);

    // The group is asked for what is still to be made.
    let machines = lab.list("instance").await;
    let new = machines.iter().find(|one| one.id == name).unwrap();
    assert!(matches!(&new.readiness, Readiness::Pending { reason } if reason.contains("creating")));
    let pool = lab.list("node_pool").await.remove(0);
    assert_eq!(pool.spec.get("count"), Some(json!(3)));

    let kind = lab.kind("instance");
    let old = machines.iter().find(|one| one.id.ends_with("a-m000")).unwrap();
    lab.calls();
    assert!(!kind.delete(&lab.cx, old).await.unwrap());
    assert!(!kind.delete(&lab.cx, old).await.unwrap());
    assert_eq!(lab.effects(), [format!("{CALLS}/deleteInstances")]);
    let pool = lab.list("node_pool").await.remove(0);
    assert_eq!(pool.spec.get("count"), Some(json!(2)), "the pool keeps to what is left");
    lab.world().groups[0].machines.retain(|(_, action)| action != "DELETING");
    assert!(kind.delete(&lab.cx, old).await.unwrap());
    // The group itself may be gone.
    lab.world().groups.clear();
    assert!(kind.delete(&lab.cx, new).await.unwrap());
}
