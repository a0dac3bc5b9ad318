//! Differences from the recordings that are meant, each with its reason.

use super::compare::Difference;

/// Why some differences are meant, and which: the call, and what is said about it. `…` stands for more.
type Accepted = (&'static str, &'static [(&'static str, &'static str)]);

const ACCEPTED: &[Accepted] = &[
    (
        "the recordings are of GKE's beta, which has more fields",
        &[
            ("GET clusters/*", "no clusterTelemetry"),
            ("GET clusters/*", "no master"),
            ("GET clusters/*", "no privateCluster"),
            ("GET clusters/*", "no protectConfig"),
        ],
    ),
    (
        "most recordings are older than these fields, which the newest has",
        &[
            ("GET clusters/*", "also addonsConfig.dnsCacheConfig"),
            ("GET clusters/*", "also addonsConfig.nodeReadinessConfig"),
            ("GET clusters/*", "also controlPlaneEgress"),
            ("GET clusters/*", "also ipAllocationPolicy.networkTierConfig"),
            ("GET clusters/*", "also networkConfig.defaultSnatStatus"),
            ("GET clusters/*", "also nodeCreationConfig"),
            ("GET clusters/*", "also nodePools[].etag"),
            ("GET clusters/*", "also nodePools[].selfLink"),
            ("GET clusters/*/nodePools/*", "also etag"),
            ("GET clusters/*/nodePools/*", "also locations"),
            ("GET instanceGroupManagers/*", "also currentActions.…"),
            ("GET instanceGroupManagers/*", "also updatePolicy.…"),
            ("GET networks/*", "also routingConfig"),
        ],
    ),
    (
        "the recorder leaves out details that differ from call to call",
        &[("GET …", "also error.details")],
    ),
    (
        "an operation that is just accepted may have begun or not, and says how far it is or not",
        &[
            ("…", "no startTime"),
            ("GET operations/*", "also detail"),
            ("GET operations/*", "also progress"),
        ],
    ),
    (
        "the documents have the field; clients read `zone` and `location` in either form",
        &[("…", "also location"), ("GET clusters/*", "also zone")],
    ),
    (
        "Google tells no type for some operations",
        &[
            ("GET operations/*", "also operationType"),
            ("POST clusters/*/nodePools/*:setSize", "also operationType"),
        ],
    ),
    (
        "infra does not use node auto-provisioning",
        &[("GET clusters/*", "no autoscaling.…"), ("GET clusters/*", "also autoscaling.…")],
    ),
    (
        "infra names the ranges of pods itself and uses no more of them",
        &[
            ("GET clusters/*", "no ipAllocationPolicy.…"),
            ("GET clusters/*", "also nodePools[].networkConfig.podIpv4RangeUtilization"),
            ("GET clusters/*/nodePools/*", "also networkConfig.podIpv4RangeUtilization"),
        ],
    ),
    (
        "infra lets the control plane have its public address, and reads no other switch of it",
        &[
            (
                "GET clusters/*",
                "no controlPlaneEndpointsConfig.dnsEndpointConfig.enableK8sCertsViaDns",
            ),
            ("GET clusters/*", "no privateClusterConfig.…"),
            ("GET clusters/*", "also controlPlaneEndpointsConfig.ipEndpointsConfig.…"),
        ],
    ),
    (
        "the recording makes a call in between that infra does not make, or lists pools that others made",
        &[
            ("GET clusters/*", "no maintenancePolicy.window.maintenanceExclusions.…"),
            ("GET clusters/*", "also maintenancePolicy.window.maintenanceExclusions.…"),
            ("GET clusters/*", "also nodePools[].autoscaling"),
            ("GET clusters/*", "also nodePools[].config.…"),
            ("GET clusters/*", "also nodePools[].networkConfig.enablePrivateNodes"),
        ],
    ),
    (
        "infra sets the first size of a pool itself; GKE takes the minimum of an autoscaled one",
        &[("GET clusters/*/nodePools/*", "no initialNodeCount")],
    ),
    (
        "infra reads no such field of a pool or a group",
        &[
            ("GET clusters/*", "no nodeConfig.nodeImageConfig"),
            ("GET clusters/*", "no nodePools[].config.nodeImageConfig"),
            ("GET clusters/*", "no nodePools[].networkConfig.networkTierConfig"),
            ("GET clusters/*/nodePools/*", "no config.nodeImageConfig"),
            ("GET clusters/*/nodePools/*", "no networkConfig.networkTierConfig"),
            ("GET instanceGroupManagers/*", "no instanceLifecyclePolicy.onFailedHealthCheck"),
            ("GET instanceGroupManagers/*", "no listManagedInstancesResults"),
            ("GET instanceGroupManagers/*", "no satisfiesPzs"),
            ("GET instanceGroupManagers/*", "no serviceAccount"),
            ("GET instanceGroupManagers/*", "no standbyPolicy"),
            ("GET instanceGroupManagers/*", "no status.…"),
            ("GET instanceGroupManagers/*", "no target…"),
            ("GET instanceGroupManagers/*", "no updatePolicy.minReadySec"),
            ("GET instanceGroupManagers/*", "no versions"),
        ],
    ),
    (
        "infra makes no network with addresses of IPv6, and no zone that only some networks see",
        &[
            ("GET networks/*", "no enableUlaInternalIpv6"),
            ("GET networks/*", "no internalIpv6Range"),
            ("GET managedZones/*", "also privateVisibilityConfig.networks"),
            ("POST managedZones", "also privateVisibilityConfig.networks"),
        ],
    ),
    (
        "the network was there before the recording, or is of a kind that the embedded cloud has not",
        &[("GET networks/*", "no description"), ("GET networks/*", "no subnetworks")],
    ),
    (
        "Google's defaults of a rule that names no source are always there",
        &[("GET firewalls/*", "also logConfig"), ("GET firewalls/*", "also sourceRanges")],
    ),
    (
        "the recording calls several subnetworks by one name",
        &[
            ("POST subnetworks", "409 instead of 200…"),
            ("GET subnetworks/*", "200 instead of 404…"),
            ("GET subnetworks/*", "404 instead of 200…"),
            ("DELETE subnetworks/*", "404 instead of 200…"),
        ],
    ),
];

/// The only recording with several subnetworks of one name.
const SAME_NAMES: &str = "containercluster-additionaliprangesconfigs";

/// Returns why a difference is meant; `None` if it is not.
pub fn reason(difference: &Difference, files: &[String]) -> Option<&'static str> {
    let said = difference.to_string();
    let what = said.strip_prefix(&format!("{}: ", difference.call)).unwrap_or_default();
    if what.contains(" instead of ") && files.iter().any(|file| file != SAME_NAMES) {
        return None;
    }
    let begins = |text: &str, with: &str| match with.strip_suffix('…') {
        Some(with) => text.starts_with(with),
        None => text == with,
    };
    let is_it =
        |(call, words): &(&str, &str)| begins(&difference.call, call) && begins(what, words);
    let found = ACCEPTED.iter().find(|(_, all)| all.iter().any(is_it));
    found.map(|(reason, _)| *reason)
}
