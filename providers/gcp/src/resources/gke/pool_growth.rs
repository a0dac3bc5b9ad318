//! How a pool grows. GKE sets sizes for each zone alike, and would make zones smaller that have more; machines
//! that are asked for by their names go where they are asked for.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::own::Group;

/// How a pool becomes larger.
#[derive(Debug)]
pub(crate) enum Growth<'a> {
    /// It is as large as it shall be, or larger.
    None,
    /// Each zone gets this size.
    EachZone(u32),
    /// Some groups get machines of these names.
    Some(Vec<(&'a Group, Vec<String>)>),
}

/// Returns how a pool with these zones and groups comes to `count` nodes.
pub(crate) fn growth<'a>(zones: &[String], groups: &'a [Group], count: u32) -> Growth<'a> {
    let total: u32 = groups.iter().map(|group| group.target_size).sum();
    if count <= total {
        return Growth::None;
    }
    let each = count.div_ceil(u32::try_from(zones.len().max(1)).unwrap_or(1));
    let is_even = each * u32::try_from(zones.len()).unwrap_or_default() == count;
    let fits = groups.iter().all(|group| group.target_size <= each);
    if groups.is_empty() || (is_even && fits) {
        return Growth::EachZone(each);
    }
    let mut sizes: Vec<u32> = groups.iter().map(|group| group.target_size).collect();
    let mut more: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for _ in total..count {
        let Some(place) = (0..groups.len()).min_by_key(|place| sizes[*place]) else { break };
        more.entry(place).or_default().push(name(&groups[place], sizes[place]));
        sizes[place] += 1;
    }
    Growth::Some(more.into_iter().map(|(place, names)| (&groups[place], names)).collect())
}

/// Returns the name of the machine after the `size`-th of a group. It is the same each time, so that a call
/// which is repeated asks for the machine that it asked for before.
fn name(group: &Group, size: u32) -> String {
    let hash = Sha256::digest(format!("{}/{}/{size}", group.zone(), group.name));
    format!("{}-{}", group.base_instance_name, &hex::encode(hash)[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(sizes: &[u32]) -> Vec<Group> {
        let one = |(at, size): (usize, &u32)| Group {
            name: format!("gke-shop-worker-{at}-grp"),
            zone: format!("zones/r-{at}"),
            base_instance_name: format!("gke-shop-worker-{at}"),
            target_size: *size,
            ..Group::default()
        };
        sizes.iter().enumerate().map(one).collect()
    }

    /// Returns what each group grows by, or the size that all get.
    fn grown(sizes: &[u32], count: u32) -> Vec<usize> {
        let zones: Vec<String> = sizes.iter().map(ToString::to_string).collect();
        let groups = groups(sizes);
        match growth(&zones, &groups, count) {
            Growth::None => vec![0; sizes.len()],
            Growth::EachZone(size) => sizes.iter().map(|is| (size - is) as usize).collect(),
            Growth::Some(more) => {
                let by = |group: &Group| {
                    let own = more.iter().find(|(one, _)| one.name == group.name);
                    own.map_or(0, |(_, names)| names.len())
                };
                groups.iter().map(by).collect()
            }
        }
    }

    #[test]
    fn no_zone_ever_gets_smaller() {
        assert_eq!(grown(&[1, 1, 1], 6), [1, 1, 1]);
        assert_eq!(grown(&[2, 2, 2], 3), [0, 0, 0]);
        assert_eq!(grown(&[1, 1, 1], 3), [0, 0, 0]);
        // Nodes that were chosen to go were not of each zone alike.
        assert_eq!(grown(&[3, 0, 0], 6), [0, 2, 1]);
        assert_eq!(grown(&[2, 1, 0], 6), [0, 1, 2]);
        // A machine that takes another's place is one more.
        assert_eq!(grown(&[3, 2, 2], 9), [0, 1, 1]);
    }

    #[test]
    fn a_call_that_is_repeated_asks_for_the_same_machines() {
        let (zones, groups) = (["a", "b"].map(str::to_owned), groups(&[3, 0]));
        let names = || match growth(&zones, &groups, 4) {
            Growth::Some(more) => more.into_iter().flat_map(|(_, names)| names).collect(),
            _ => Vec::new(),
        };
        assert_eq!(names(), names());
        let [name] = names().try_into().unwrap_or_default();
        assert!(name.starts_with("gke-shop-worker-1-") && name.len() == 22, "{name}");
    }
}
