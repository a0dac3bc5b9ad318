//! Machine types: from what a pool asks for to a type, without asking the cloud.

use infra_provider_api::SizeRequest;
use serde::Deserialize;

/// Gibibytes of a boot disk where infra.toml does not say: what GKE takes by itself.
pub(crate) const DISK_GIB: u32 = 100;

/// A machine type.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Size {
    /// The vendor's name of it: `e2-standard-4`.
    #[serde(rename = "type")]
    pub name: String,
    /// Virtual processors. Those of `e2-medium` have half of their time.
    pub vcpus: u32,
    /// Mebibytes of memory.
    pub memory_mib: u32,
    /// US dollars an hour, on demand, in the region of the list.
    pub price_hourly: f64,
}

/// The types this build knows, in `data/sizes.json`. A pool may name any other by its name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Sizes {
    /// The day the list was written; prices change.
    pub as_of: String,
    /// The region whose prices they are. Others differ, mostly all types alike.
    pub region: String,
    /// All types.
    pub sizes: Vec<Size>,
}

impl Sizes {
    /// Reads the list of this build.
    ///
    /// # Errors
    /// Returns an error if the file in this build is broken; a test keeps that from happening.
    pub fn known() -> Result<Self, serde_json::Error> {
        serde_json::from_str(include_str!("../data/sizes.json"))
    }

    /// Returns the cheapest type with at least this much; of types with one price the one with more
    /// memory.
    pub fn cheapest(&self, vcpus: u32, memory_mib: u32) -> Option<&Size> {
        self.sizes
            .iter()
            .filter(|size| size.vcpus >= vcpus && size.memory_mib >= memory_mib)
            .min_by(|a, b| {
                a.price_hourly
                    .total_cmp(&b.price_hourly)
                    .then(b.memory_mib.cmp(&a.memory_mib))
                    .then_with(|| a.name.cmp(&b.name))
            })
    }

    /// Returns the type for a pool's request, or `None` if nothing is as large.
    pub fn name(&self, request: &SizeRequest) -> Option<String> {
        match request {
            SizeRequest::Type(name) => Some(name.clone()),
            SizeRequest::Fit { vcpus, memory_mib } => {
                self.cheapest(*vcpus, *memory_mib).map(|size| size.name.clone())
            }
        }
    }

    /// Returns the type with the most memory and processors, for an error text.
    pub(crate) fn largest(&self) -> Option<&Size> {
        self.sizes.iter().max_by_key(|size| (size.memory_mib, size.vcpus))
    }
}

/// Returns the family of a machine type: `n2` of `n2-standard-4`.
pub(crate) fn family(machine_type: &str) -> &str {
    machine_type.split('-').next().unwrap_or_default()
}

/// Returns the type of the boot disk that machines of a type take. The newer families take no other kind.
pub(crate) fn disk_type(machine_type: &str) -> &'static str {
    const HYPERDISK_ONLY: [&str; 10] =
        ["n4", "n4a", "n4d", "c4", "c4a", "c4d", "h4d", "x4", "a4", "a4x"];
    if HYPERDISK_ONLY.contains(&family(machine_type)) {
        "hyperdisk-balanced"
    } else {
        "pd-balanced"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(vcpus: u32, memory_mib: u32) -> Option<String> {
        Sizes::known().unwrap().name(&SizeRequest::Fit { vcpus, memory_mib })
    }

    #[test]
    fn the_cheapest_that_fits() {
        assert_eq!(fit(2, 4096).as_deref(), Some("e2-medium"));
        assert_eq!(fit(2, 4097).as_deref(), Some("e2-standard-2"));
        assert_eq!(fit(4, 16_384).as_deref(), Some("e2-standard-4"));
        assert_eq!(fit(2, 16_384).as_deref(), Some("e2-highmem-2"));
        assert_eq!(fit(10_000, 1), None);
        let named = SizeRequest::Type("c4-standard-8".into());
        assert_eq!(Sizes::known().unwrap().name(&named).as_deref(), Some("c4-standard-8"));
    }

    #[test]
    fn the_list_is_sound() {
        let known = Sizes::known().unwrap();
        let mut names: Vec<_> = known.sizes.iter().map(|size| &size.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), known.sizes.len());
        assert!(known.sizes.iter().all(|size| size.price_hourly > 0.0 && size.memory_mib >= 512));
        assert!(known.as_of.len() == 10);
    }

    #[test]
    fn newer_families_boot_from_another_kind_of_disk() {
        assert_eq!(disk_type("e2-medium"), "pd-balanced");
        assert_eq!(disk_type("n4-standard-8"), "hyperdisk-balanced");
        assert_eq!(family("t2d-standard-1"), "t2d");
    }
}
