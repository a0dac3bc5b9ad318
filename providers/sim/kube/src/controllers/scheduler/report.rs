//! The message of a FailedScheduling event.

use std::collections::BTreeMap;

/// Sums up why no node fits, as the scheduler words it.
pub fn message(total: usize, refusals: &[Vec<String>], mismatched: usize) -> String {
    if total == 0 {
        return "no nodes available to schedule pods".into();
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for r in refusals.iter().flatten() {
        *counts.entry(r).or_default() += 1;
    }
    if mismatched > 0 {
        *counts.entry("node(s) didn't satisfy plugin(s) [NodeAffinity]").or_default() += mismatched;
    }
    let mut parts: Vec<String> = counts.iter().map(|(r, n)| format!("{n} {r}")).collect();
    parts.sort();
    let no_victims = refusals
        .iter()
        .filter(|r| r.iter().any(|x| x.starts_with("Insufficient") || x == "Too many pods"))
        .count();
    let unhelpful = total - no_victims.min(total);
    let mut preemption = Vec::new();
    if unhelpful > 0 {
        preemption.push(format!("{unhelpful} Preemption is not helpful for scheduling"));
    }
    if no_victims > 0 {
        preemption.push(format!("{no_victims} No preemption victims found for incoming pod"));
    }
    format!(
        "0/{total} nodes are available: {}. preemption: 0/{total} nodes are available: {}.",
        parts.join(", "),
        preemption.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted() {
        let r = |s: &[&str]| s.iter().map(|x| (*x).to_owned()).collect::<Vec<_>>();
        let all = [
            r(&["Insufficient cpu", "Insufficient memory"]),
            r(&["Insufficient cpu"]),
            r(&["node(s) had untolerated taint {k: }"]),
        ];
        assert_eq!(
            message(3, &all, 0),
            "0/3 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint {k: }, \
             2 Insufficient cpu. preemption: 0/3 nodes are available: 1 Preemption is not helpful for \
             scheduling, 2 No preemption victims found for incoming pod."
        );
        assert_eq!(message(0, &[], 0), "no nodes available to schedule pods");
    }
}
