//! Regions, sizes and images: a table as the vendor's lists show it, read once.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

/// What the vendor sells.
pub struct Catalog {
    /// Regions in order.
    pub regions: Vec<Value>,
    /// Sizes in order.
    pub sizes: Vec<Value>,
    /// Images in order.
    pub images: Vec<Value>,
    by_region: HashMap<String, usize>,
    by_size: HashMap<String, usize>,
}

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let list = |text: &str| serde_json::from_str::<Vec<Value>>(text).unwrap_or_default();
    let index = |list: &[Value]| {
        list.iter()
            .enumerate()
            .filter_map(|(i, v)| Some((v["slug"].as_str()?.to_owned(), i)))
            .collect::<HashMap<_, _>>()
    };
    let regions = list(include_str!("../data/regions.json"));
    let mut sizes = list(include_str!("../data/sizes.json"));
    for size in &mut sizes {
        let disk = size["disk"].clone();
        size["disk_info"] =
            serde_json::json!([{ "type": "local", "size": { "amount": disk, "unit": "gib" } }]);
    }
    Catalog {
        by_region: index(&regions),
        by_size: index(&sizes),
        images: list(include_str!("../data/images.json")),
        regions,
        sizes,
    }
});

/// Returns the catalog.
pub fn catalog() -> &'static Catalog {
    &CATALOG
}

impl Catalog {
    /// Finds a region by slug.
    pub fn region(&self, slug: &str) -> Option<&Value> {
        self.regions.get(*self.by_region.get(slug)?)
    }

    /// Finds a region by slug if it takes new resources.
    pub fn open_region(&self, slug: &str) -> Option<&Value> {
        self.region(slug).filter(|r| r["available"] == true)
    }

    /// Finds the first open region whose slug begins with `prefix`.
    pub fn region_with_prefix(&self, prefix: &str) -> Option<&str> {
        self.regions
            .iter()
            .filter(|r| r["available"] == true)
            .filter_map(|r| r["slug"].as_str())
            .find(|s| s.starts_with(prefix))
    }

    /// Returns true if a region has a feature.
    pub fn has_feature(&self, region: &str, feature: &str) -> bool {
        self.region(region).is_some_and(|r| holds(&r["features"], feature))
    }

    /// Finds a size by slug.
    pub fn size(&self, slug: &str) -> Option<&Value> {
        self.sizes.get(*self.by_size.get(slug)?)
    }

    /// Returns true if a size is sold in a region.
    pub fn size_in(&self, size: &str, region: &str) -> bool {
        self.size(size).is_some_and(|s| holds(&s["regions"], region))
    }

    /// Finds an image by id.
    pub fn image(&self, id: u64) -> Option<&Value> {
        self.images.iter().find(|i| i["id"] == id)
    }

    /// Finds an image by slug.
    pub fn image_slug(&self, slug: &str) -> Option<&Value> {
        self.images.iter().find(|i| i["slug"] == slug)
    }
}

fn holds(list: &Value, text: &str) -> bool {
    list.as_array().is_some_and(|l| l.iter().any(|v| v == text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_parse_and_agree() {
        let c = catalog();
        assert!(c.regions.len() > 10 && c.sizes.len() > 20 && c.images.len() > 5);
        assert!(c.size_in("s-2vcpu-4gb", "nyc3"));
        assert!(c.open_region("sfo1").is_none());
        assert_eq!(c.region_with_prefix("nyc"), Some("nyc1"));
        assert!(c.image_slug("ubuntu-24-04-x64").is_some());
        for size in &c.sizes {
            for region in size["regions"].as_array().unwrap() {
                let region = c.region(region.as_str().unwrap()).unwrap();
                assert!(holds(&region["sizes"], size["slug"].as_str().unwrap()));
            }
        }
    }
}
