//! Machine types: from what a pool asks for to a type, without asking the cloud.

use infra_provider_api::SizeRequest;
use serde::Deserialize;

/// A machine type.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Size {
    /// The vendor's name of it: `t3.medium`.
    #[serde(rename = "type")]
    pub name: String,
    /// Virtual processors.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(vcpus: u32, memory_mib: u32) -> Option<String> {
        Sizes::known().unwrap().name(&SizeRequest::Fit { vcpus, memory_mib })
    }

    #[test]
    fn the_cheapest_that_fits() {
        assert_eq!(fit(2, 4096).as_deref(), Some("t3a.medium"));
        assert_eq!(fit(2, 4097).as_deref(), Some("t3a.large"));
        assert_eq!(fit(2, 16_384).as_deref(), Some("r6a.large"));
        assert_eq!(fit(10_000, 1), None);
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
}
