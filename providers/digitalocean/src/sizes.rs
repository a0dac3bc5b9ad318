//! Sizes of droplets: from what a pool asks for to a slug, without asking the cloud.

use serde::Deserialize;

use infra_provider_api::SizeRequest;

/// A size of droplets.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Size {
    /// The vendor's name of it.
    pub slug: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// Mebibytes of memory.
    pub memory_mib: u32,
    /// Gibibytes of disk.
    pub disk_gib: u32,
    /// US dollars a month.
    pub price_monthly: f64,
}

/// The sizes this build knows, in `data/sizes.json`: the plain ones, which most regions have. A pool
/// may name any other by its slug.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Sizes {
    /// The day the list was written; prices change.
    pub as_of: String,
    /// All sizes.
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

    /// Returns the size with this slug.
    pub fn get(&self, slug: &str) -> Option<&Size> {
        self.sizes.iter().find(|size| size.slug == slug)
    }

    /// Returns the cheapest size with at least this much; of sizes with one price the one with more
    /// memory.
    pub fn cheapest(&self, vcpus: u32, memory_mib: u32) -> Option<&Size> {
        self.sizes
            .iter()
            .filter(|size| size.vcpus >= vcpus && size.memory_mib >= memory_mib)
            .min_by(|a, b| {
                a.price_monthly
                    .total_cmp(&b.price_monthly)
                    .then(b.memory_mib.cmp(&a.memory_mib))
                    .then_with(|| a.slug.cmp(&b.slug))
            })
    }

    /// Returns the slug for a pool's request, or `None` if nothing is as large.
    pub fn slug(&self, request: &SizeRequest) -> Option<String> {
        match request {
            SizeRequest::Type(slug) => Some(slug.clone()),
            SizeRequest::Fit { vcpus, memory_mib } => {
                self.cheapest(*vcpus, *memory_mib).map(|size| size.slug.clone())
            }
        }
    }

    /// Returns the size with the most memory and processors, for an error text.
    pub(crate) fn largest(&self) -> Option<&Size> {
        self.sizes.iter().max_by_key(|size| (size.memory_mib, size.vcpus))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(vcpus: u32, memory_mib: u32) -> Option<String> {
        Sizes::known().unwrap().slug(&SizeRequest::Fit { vcpus, memory_mib })
    }

    #[test]
    fn the_cheapest_that_fits() {
        assert_eq!(slug(1, 1), Some("s-1vcpu-512mb-10gb".into()));
        assert_eq!(slug(2, 4096), Some("s-2vcpu-4gb".into()));
        assert_eq!(slug(2, 4097), Some("s-4vcpu-8gb".into()));
        assert_eq!(slug(2, 16_384), Some("m-2vcpu-16gb".into()));
        assert_eq!(slug(40, 1), Some("g-40vcpu-160gb".into()));
        assert_eq!(slug(41, 1), None);
        let named = SizeRequest::Type("gpu-h100x1-80gb".into());
        assert_eq!(Sizes::known().unwrap().slug(&named), Some("gpu-h100x1-80gb".into()));
    }

    #[test]
    fn the_list_is_sound() {
        let known = Sizes::known().unwrap();
        let mut slugs: Vec<_> = known.sizes.iter().map(|size| &size.slug).collect();
        slugs.sort();
        slugs.dedup();
        assert_eq!(slugs.len(), known.sizes.len());
        assert!(
            known.sizes.iter().all(|size| size.memory_mib % 8 == 0 && size.price_monthly > 0.0)
        );
    }

    proptest::proptest! {
        #[test]
        fn nothing_cheaper_fits(vcpus in 1_u32..45, memory_mib in 1_u32..300_000) {
            let known = Sizes::known().unwrap();
            let fits = |size: &&Size| size.vcpus >= vcpus && size.memory_mib >= memory_mib;
            let chosen = known.cheapest(vcpus, memory_mib);
            proptest::prop_assert_eq!(chosen.is_some(), known.sizes.iter().any(|size| fits(&size)));
            if let Some(chosen) = chosen {
                proptest::prop_assert!(fits(&chosen));
                proptest::prop_assert!(known.sizes.iter().filter(fits).all(|size| size.price_monthly >= chosen.price_monthly));
            }
        }
    }
}
