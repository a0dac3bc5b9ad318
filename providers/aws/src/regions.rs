//! Regions and their availability zones, without asking the cloud.

/// Regions, with the letters of their usual zones. Which ones an account has differs: a plan takes those
/// that AWS names, these only stand for them where nothing is asked.
const REGIONS: [(&str, &str); 34] = [
    ("af-south-1", "abc"),
    ("ap-east-1", "abc"),
    ("ap-east-2", "abc"),
    ("ap-northeast-1", "acd"),
    ("ap-northeast-2", "abc"),
    ("ap-northeast-3", "abc"),
    ("ap-south-1", "abc"),
    ("ap-south-2", "abc"),
    ("ap-southeast-1", "abc"),
    ("ap-southeast-2", "abc"),
    ("ap-southeast-3", "abc"),
    ("ap-southeast-4", "abc"),
    ("ap-southeast-5", "abc"),
    ("ap-southeast-7", "abc"),
    ("ca-central-1", "abd"),
    ("ca-west-1", "abc"),
    ("cn-north-1", "abc"),
    ("cn-northwest-1", "abc"),
    ("eu-central-1", "abc"),
    ("eu-central-2", "abc"),
    ("eu-north-1", "abc"),
    ("eu-south-1", "abc"),
    ("eu-south-2", "abc"),
    ("eu-west-1", "abc"),
    ("eu-west-2", "abc"),
    ("eu-west-3", "abc"),
    ("il-central-1", "abc"),
    ("me-central-1", "abc"),
    ("me-south-1", "abc"),
    ("mx-central-1", "abc"),
    ("us-east-1", "abc"),
    ("us-east-2", "abc"),
    ("us-west-1", "ac"),
    ("us-west-2", "abc"),
];

/// Lists the names of all regions that this build knows.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    REGIONS.iter().map(|(name, _)| *name)
}

/// Returns the full names of the zones asked for; if none are, the region's usual ones.
pub(crate) fn zones(region: &str, asked: &[String]) -> Vec<String> {
    if asked.is_empty() {
        let known = REGIONS.iter().find(|(name, _)| *name == region);
        let letters = known.map_or("abc", |(_, letters)| letters);
        return letters.chars().map(|letter| format!("{region}{letter}")).collect();
    }
    let full = |zone: &String| {
        if zone.len() == 1 { format!("{region}{zone}") } else { zone.clone() }
    };
    asked.iter().map(full).collect()
}

/// Returns the part of a zone's name that distinguishes it from the others of its region: `a`.
pub(crate) fn letter<'a>(region: &str, zone: &'a str) -> &'a str {
    zone.strip_prefix(region).filter(|rest| !rest.is_empty()).unwrap_or(zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_by_letter_or_by_name() {
        let asked = ["b".to_owned(), "eu-central-1a".to_owned()];
        assert_eq!(zones("eu-central-1", &asked), ["eu-central-1b", "eu-central-1a"]);
        assert_eq!(zones("us-west-1", &[]), ["us-west-1a", "us-west-1c"]);
        assert_eq!(letter("eu-central-1", "eu-central-1a"), "a");
        assert_eq!(letter("us-west-2", "us-west-2-lax-1a"), "-lax-1a");
    }
}
