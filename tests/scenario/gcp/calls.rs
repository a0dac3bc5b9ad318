//! Every call of a cluster's whole life, and every answer of the embedded cloud, by the vendor's documents.

use super::lab::GcpLab;

#[test]
fn every_call_and_every_answer_fits_the_vendors_documents() {
    let lab = GcpLab::new();
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    let toml = lab.lab.read("infra.toml");
    lab.lab.write("infra.toml", &toml.replace("count = 1", "count = 2"));
    lab.run(&["apply", "--yes"]).ok();
    lab.lab.write("infra.toml", &toml);
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    let Some(log) = lab.calls() else { return };
    log.assert_clean();
    for id in [
        "container.projects.locations.clusters.create",
        "container.projects.locations.clusters.list",
        "container.projects.locations.clusters.delete",
        "compute.networks.insert",
        "compute.subnetworks.insert",
        "compute.firewalls.insert",
        "compute.networks.delete",
        "dns.managedZones.create",
        "dns.changes.create",
        "iam.projects.serviceAccounts.create",
        "cloudresourcemanager.projects.setIamPolicy",
    ] {
        assert!(log.calls.contains_key(id), "{id} was not called: {:#?}", log.calls);
    }
    assert!(!log.calls.contains_key("(unknown)"), "{:#?}", log.calls);
}
