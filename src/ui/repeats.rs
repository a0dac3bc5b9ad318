//! What many steps have in common, said once: the same error, the same reason for being left out.

use std::collections::HashMap;

use infra_provider_api::Address;

use crate::engine::execute::FailedStep;

/// So many names are printed of those that something is true of.
const NAMES_MAX: usize = 3;

/// Returns what an error says, as it is and without the name of its resource: of two that failed
/// alike, one of these is equal. Those that failed in one call say exactly the same.
pub(super) fn keys(address: &Address, error: &str, hint: Option<&str>) -> [String; 2] {
    // Each call has a request of its own.
    let same = error.rfind(" (request ").map_or(error, |end| &error[..end]);
    let text = format!("{same}\n{}", hint.unwrap_or_default());
    let nameless = text.replace(address.name(), "…");
    [text, nameless]
}

/// Failures that say the same but for the name of their resource.
pub struct Alike<'a> {
    /// The first of them.
    pub first: &'a FailedStep,
    /// The others, in the order in which they failed.
    pub others: Vec<&'a Address>,
}

impl Alike<'_> {
    /// Returns the line that names the others, if there are any.
    pub fn rest(&self) -> Option<String> {
        (!self.others.is_empty())
            .then(|| format!("the same for {} more: {}", self.others.len(), names(&self.others)))
    }
}

/// Groups failures that say the same, in the order of the first of each group.
pub fn alike(failures: &[FailedStep]) -> Vec<Alike<'_>> {
    let mut groups: Vec<Alike<'_>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for failed in failures {
        let keys = keys(&failed.address, &failed.error.to_string(), failed.error.hint.as_deref());
        let place = keys.iter().find_map(|key| places.get(key)).copied();
        match place.and_then(|place| groups.get_mut(place)) {
            Some(group) => group.others.push(&failed.address),
            None => {
                places.extend(keys.map(|key| (key, groups.len())));
                groups.push(Alike { first: failed, others: Vec::new() });
            }
        }
    }
    groups
}

/// Steps that were left out one after the other for the same reason.
#[derive(Default)]
pub(super) struct LeftOut {
    because: String,
    addresses: Vec<Address>,
}

impl LeftOut {
    /// Takes in one more. Returns the line about those before, if it has another reason.
    pub(super) fn add(&mut self, address: &Address, because: &str) -> Option<String> {
        let before = if self.because == because { None } else { self.take() };
        because.clone_into(&mut self.because);
        self.addresses.push(address.clone());
        before
    }

    /// Returns the line about all that were added since the last time.
    pub(super) fn take(&mut self) -> Option<String> {
        let addresses = std::mem::take(&mut self.addresses);
        match addresses.as_slice() {
            [] => None,
            [one] => Some(format!("{one}: left out ({})", self.because)),
            all => {
                let all: Vec<&Address> = all.iter().collect();
                Some(format!("{} steps left out ({}): {}", all.len(), self.because, names(&all)))
            }
        }
    }
}

fn names(addresses: &[&Address]) -> String {
    let shown: Vec<String> = addresses.iter().take(NAMES_MAX).map(ToString::to_string).collect();
    let more = if addresses.len() > NAMES_MAX { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use infra_provider_api::{CloudError, ErrorKind};

    use super::*;
    use crate::engine::events::StepAction;

    fn failed(address: &str, operation: &str, message: &str) -> FailedStep {
        FailedStep {
            address: address.parse().unwrap(),
            action: StepAction::Create,
            error: CloudError::new(ErrorKind::Local, operation, message),
        }
    }

    #[test]
    fn equal_errors_are_one_with_their_count() {
        let mut failures = vec![failed("vpc.main", "create vpc.main", "no room")];
        for number in 1..=23 {
            let operation = format!("publish the boot bundle of worker-{number}");
            failures.push(failed(
                &format!("node_bundle.worker-{number}"),
                &operation,
                "no address",
            ));
        }
        for name in ["worker-1", "worker-2"] {
            failures.push(failed(&format!("droplet.{name}"), "create worker-1, worker-2", "quota"));
        }
        let groups = alike(&failures);
        let firsts: Vec<String> = groups.iter().map(|one| one.first.address.to_string()).collect();
        assert_eq!(firsts, ["vpc.main", "node_bundle.worker-1", "droplet.worker-1"]);
        assert_eq!(groups[2].rest().unwrap(), "the same for 1 more: droplet.worker-2");
        assert_eq!(groups[0].rest(), None);
        assert_eq!(
            groups[1].rest().unwrap(),
            "the same for 22 more: node_bundle.worker-2, node_bundle.worker-3, \
             node_bundle.worker-4, …"
        );
    }

    #[test]
    fn steps_are_left_out_with_one_line_for_each_reason() {
        let address = |name: &str| name.parse::<Address>().unwrap();
        let mut left_out = LeftOut::default();
        assert_eq!(left_out.take(), None);
        assert_eq!(left_out.add(&address("droplet.a"), "vpc.main failed"), None);
        assert_eq!(left_out.add(&address("droplet.b"), "vpc.main failed"), None);
        assert_eq!(
            left_out.add(&address("node.c"), "stopped").unwrap(),
            "2 steps left out (vpc.main failed): droplet.a, droplet.b"
        );
        assert_eq!(left_out.take().unwrap(), "node.c: left out (stopped)");
        assert_eq!(left_out.take(), None);
    }
}
