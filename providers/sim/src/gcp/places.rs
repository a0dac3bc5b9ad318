//! Regions and zones.

/// The regions with the letters of their zones.
const REGIONS: [(&str, &str); 12] = [
    ("asia-northeast1", "abc"),
    ("asia-southeast1", "abc"),
    ("europe-north1", "abc"),
    ("europe-west1", "bcd"),
    ("europe-west2", "abc"),
    ("europe-west3", "abc"),
    ("europe-west4", "abc"),
    ("us-central1", "abcf"),
    ("us-east1", "bcd"),
    ("us-east4", "abc"),
    ("us-west1", "abc"),
    ("us-west2", "abc"),
];

/// Lists the regions.
pub fn regions() -> impl Iterator<Item = &'static str> {
    REGIONS.iter().map(|(region, _)| *region)
}

/// Lists the zones.
pub fn zones() -> impl Iterator<Item = String> {
    REGIONS.iter().flat_map(|(region, letters)| {
        letters.chars().map(move |letter| format!("{region}-{letter}"))
    })
}

/// Lists the zones of a region; none if there is no such region.
pub fn zones_of(region: &str) -> Vec<String> {
    zones().filter(|zone| region_of(zone) == region).collect()
}

/// Returns the region of a zone.
pub fn region_of(zone: &str) -> &str {
    zone.rsplit_once('-').map_or(zone, |(region, _)| region)
}

/// Returns true if there is such a region.
pub fn is_region(name: &str) -> bool {
    regions().any(|region| region == name)
}

/// Returns true if there is such a zone.
pub fn is_zone(name: &str) -> bool {
    zones().any(|zone| zone == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_in_regions() {
        assert_eq!(zones_of("europe-west1").len(), 3);
        assert!(zones().all(|zone| is_region(region_of(&zone))));
        assert!(!is_zone("europe-west1-a") && is_zone("europe-west1-b"));
    }
}
