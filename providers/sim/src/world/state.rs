//! All tables.

use super::counters::Counters;
use super::log::Change;
use super::rows::*;
use super::table::{Row, Table};

macro_rules! tables {
    ($($(#[$doc:meta])* $field:ident: $row:ty,)*) => {
        /// Everything that exists.
        pub struct State {
            /// Ids given out so far.
            pub counters: Counters,
            counters_recorded: Counters,
            $($(#[$doc])* pub $field: Table<$row>,)*
        }

        impl State {
            /// Makes an empty world.
            pub(super) fn new(seed: u64) -> Self {
                Self {
                    counters: Counters::new(seed),
                    // Differs from a new one, so that the first write records the seed.
                    counters_recorded: Counters { droplet: 0, ..Counters::new(seed) },
                    $($field: Table::default(),)*
                }
            }

            pub(super) fn take_changes(&mut self) -> Vec<Change> {
                let mut changes = Vec::new();
                $(self.$field.take_changes(&mut changes);)*
                if self.counters != self.counters_recorded {
                    changes.extend(self.counters.change());
                    self.counters_recorded = self.counters.clone();
                }
                changes
            }

            pub(super) fn all_changes(&self) -> Vec<Change> {
                let mut changes = Vec::new();
                changes.extend(self.counters.change());
                $(self.$field.all_changes(&mut changes);)*
                changes
            }

            /// Applies a recorded change; kinds this version doesn't know are an error.
            pub(super) fn replay(&mut self, change: Change) -> Result<(), serde_json::Error> {
                match change.kind.as_str() {
                    Counters::KIND => {
                        if let Some(row) = change.row {
                            self.counters = serde_json::from_value(row)?;
                            self.counters_recorded = self.counters.clone();
                        }
                        Ok(())
                    }
                    $(<$row>::KIND => self.$field.replay(change),)*
                    other => Err(serde::de::Error::custom(format!("unknown kind `{other}`"))),
                }
            }
        }
    };
}

tables! {
    /// SSH keys by id.
    keys: SshKey,
    /// Droplets by id.
    droplets: Droplet,
    /// User-data by droplet id; apart, so that a droplet's change doesn't rewrite it.
    user_data: UserData,
    /// Actions by id.
    actions: Action,
    /// VPCs.
    vpcs: Vpc,
    /// Cloud firewalls.
    firewalls: Firewall,
    /// Load balancers.
    load_balancers: LoadBalancer,
    /// Domains; their id is the name.
    domains: Domain,
    /// Domain records by id.
    records: DomainRecord,
    /// Block storage volumes.
    volumes: Volume,
    /// Tags; their id is the name in lower case.
    tags: Tag,
    /// Reserved addresses; their id is the address.
    reserved_ips: ReservedIp,
    /// Projects.
    projects: Project,
    /// Spaces access keys; their id is the access key.
    spaces_keys: SpacesKey,
    /// Buckets; their id is the name.
    buckets: Bucket,
    /// Objects; their id is bucket and key.
    objects: Object,
    /// Multipart uploads.
    uploads: Upload,
    /// Compute Engine's resources; their id is the path, their name the collection.
    gcp_resources: GcpResource,
    /// Compute Engine's operations; their id is the name, their name the caller's id of the request.
    gcp_operations: GcpOperation,
    /// Cloud DNS zones; their id is the name in the project, their name the domain.
    gcp_zones: GcpZone,
    /// Cloud DNS records; their name is the zone's.
    gcp_record_sets: GcpRecordSet,
    /// Cloud DNS changes; their name is the zone's.
    gcp_changes: GcpChange,
    /// Service accounts; their id is the mail address.
    gcp_service_accounts: GcpServiceAccount,
    /// The policy of the project.
    gcp_policies: GcpPolicy,
    /// Clusters of GKE; their id is `LOCATION/NAME`.
    gke_clusters: GkeCluster,
    /// Their node pools; their id is `CLUSTER_SEQ/NAME`.
    gke_pools: GkePool,
    /// Operations of GKE; their id is the name.
    gke_operations: GkeOperation,
    /// Instances of Compute Engine; their id is `ZONE/NAME`.
    instances: Instance,
}

impl Counters {
    fn change(&self) -> Option<Change> {
        Some(Change {
            kind: Self::KIND.to_owned(),
            seq: 0,
            row: Some(serde_json::to_value(self).ok()?),
        })
    }
}
