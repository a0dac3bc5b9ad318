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
    /// Some groups get so many machines more, asked for by their names.
    Some(Vec<(&'a Group, u32)>),
}

/// Returns how a pool with these zones and groups comes to `count` nodes. `by_name` says that something else
/// changes its size, too: then a size that is set could make a zone smaller that has grown meanwhile.
pub(crate) fn growth<'a>(
    zones: &[String],
    groups: &'a [Group],
    count: u32,
    by_name: bool,
) -> Growth<'a> {
    let total: u32 = groups.iter().map(|group| group.target_size).sum();
    if count <= total {
        return Growth::None;
    }
    let each = count.div_ceil(u32::try_from(zones.len().max(1)).unwrap_or(1));
    let is_even = each * u32::try_from(zones.len()).unwrap_or_default() == count;
    let fits = groups.iter().all(|group| group.target_size <= each);
    if groups.is_empty() || (is_even && fits && !by_name) {
        return Growth::EachZone(each);
    }
    let mut sizes: Vec<u32> = groups.iter().map(|group| group.target_size).collect();
    let mut more: BTreeMap<usize, u32> = BTreeMap::new();
    for _ in total..count {
        let Some(place) = (0..groups.len()).min_by_key(|place| sizes[*place]) else { break };
        *more.entry(place).or_default() += 1;
        sizes[place] += 1;
    }
    Growth::Some(more.into_iter().map(|(place, more)| (&groups[place], more)).collect())
}

/// Returns the names of `more` machines of a group that has those of `taken`. They are the same each time, so
/// that a call which is repeated asks for the machines that it asked for before.
pub(crate) fn new_names(group: &Group, taken: &[&str], more: u32) -> Vec<String> {
    let name = |number: u32| {
        let hash = Sha256::digest(format!("{}/{}/{number}", group.zone(), group.name));
        format!("{}-{}", group.base_instance_name, &hex::encode(hash)[..4])
    };
    let mut names: Vec<String> = Vec::new();
    for number in group.target_size.. {
        if names.len() >= more as usize {
            break;
        }
        // A machine of that number may be there while another one is gone, and two numbers may have one name.
        let name = name(number);
        if !taken.contains(&name.as_str()) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
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
        match growth(&zones, &groups, count, false) {
            Growth::None => vec![0; sizes.len()],
            Growth::EachZone(size) => sizes.iter().map(|is| (size - is) as usize).collect(),
            Growth::Some(more) => {
                let by = |group: &Group| {
                    let own = more.iter().find(|(one, _)| one.name == group.name);
                    own.map_or(0, |(_, more)| *more as usize)
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
    fn a_size_is_not_set_where_something_else_changes_it() {
        let zones = ["a", "b"].map(str::to_owned);
        let groups = groups(&[1, 1]);
        assert!(matches!(growth(&zones, &groups, 4, false), Growth::EachZone(2)));
        let Growth::Some(more) = growth(&zones, &groups, 4, true) else { panic!("by name") };
        assert_eq!(more.iter().map(|(_, more)| *more).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn a_call_that_is_repeated_asks_for_the_same_machines() {
        let groups = groups(&[3, 0]);
        assert_eq!(new_names(&groups[1], &[], 2), new_names(&groups[1], &[], 2));
        let [name] = new_names(&groups[1], &[], 1).try_into().unwrap_or_default();
        assert!(name.starts_with("gke-shop-worker-1-") && name.len() == 22, "{name}");
    }

    /// A group whose first machine went and whose later one stayed grows all the same.
    #[test]
    fn a_name_that_is_taken_is_not_asked_for_again() {
        let groups = groups(&[1]);
        let first = new_names(&groups[0], &[], 1);
        let taken: Vec<&str> = first.iter().map(String::as_str).collect();
        let more = new_names(&groups[0], &taken, 2);
        assert_eq!(more.len(), 2);
        assert!(!more.contains(&first[0]) && more[0] != more[1], "{first:?} {more:?}");
    }
}
