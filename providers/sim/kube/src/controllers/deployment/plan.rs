//! How many replicas each ReplicaSet of a Deployment should have next: pure arithmetic, by the
//! rules of the Deployment controller.

use serde_json::Value;

use crate::controllers::object::ObjectExt;
use crate::controllers::percent::int_or_percent;

/// What the plan needs to know of a ReplicaSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// `spec.replicas`.
    pub wanted: i64,
    /// `status.replicas`.
    pub actual: i64,
    /// `status.availableReplicas`.
    pub available: i64,
}

impl Set {
    /// Reads it from the object.
    pub fn of(o: &Value) -> Self {
        Self {
            name: o.name().to_owned(),
            wanted: o.int_at("/spec/replicas").unwrap_or(1),
            actual: o.int_at("/status/replicas").unwrap_or(0),
            available: o.int_at("/status/availableReplicas").unwrap_or(0),
        }
    }
}

/// What a Deployment allows during a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// `spec.replicas`.
    pub replicas: i64,
    /// Pods above `replicas`.
    pub surge: i64,
    /// Pods below `replicas`.
    pub unavailable: i64,
}

impl Bounds {
    /// Reads them from a Deployment; both zero would never move, so one may be missing then.
    pub fn of(deployment: &Value) -> Self {
        let replicas = deployment.int_at("/spec/replicas").unwrap_or(1);
        let quarter = Value::from("25%");
        let strategy = deployment.at("/spec/strategy");
        if strategy["type"] == "Recreate" {
            return Self { replicas, surge: 0, unavailable: replicas };
        }
        let read = |key: &str, up: bool| {
            let v = &strategy["rollingUpdate"][key];
            let v = if v.is_null() { &quarter } else { v };
            int_or_percent(v, replicas, up).unwrap_or(0).max(0)
        };
        let surge = read("maxSurge", true);
        let mut unavailable = read("maxUnavailable", false).min(replicas);
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        Self { replicas, surge, unavailable }
    }
}

/// A ReplicaSet and the `spec.replicas` it should get.
pub type Scale = (String, i64);

/// Returns the next step of a rolling update: either the new set grows, or old ones shrink.
pub fn rolling(bounds: Bounds, new: &Set, old: &[Set]) -> Vec<Scale> {
    let grown = grow_new(bounds, new, old);
    if grown != new.wanted {
        return vec![(new.name.clone(), grown)];
    }
    shrink_old(bounds, new, old)
}

/// Returns the next step of a Recreate: old pods go first, then the new set gets all. `old_pods`
/// counts the pods of old sets that have not ended, deleting ones included.
pub fn recreate(bounds: Bounds, new: Option<&Set>, old: &[Set], old_pods: usize) -> Vec<Scale> {
    let down: Vec<Scale> =
        old.iter().filter(|s| s.wanted > 0).map(|s| (s.name.clone(), 0)).collect();
    if !down.is_empty() || old_pods > 0 {
        return down;
    }
    new.filter(|s| s.wanted != bounds.replicas)
        .map(|s| vec![(s.name.clone(), bounds.replicas)])
        .unwrap_or_default()
}

fn grow_new(b: Bounds, new: &Set, old: &[Set]) -> i64 {
    if new.wanted >= b.replicas {
        return b.replicas;
    }
    let total: i64 = new.wanted + old.iter().map(|s| s.wanted).sum::<i64>();
    let room = b.replicas + b.surge - total;
    if room <= 0 {
        return new.wanted;
    }
    new.wanted + room.min(b.replicas - new.wanted)
}

fn shrink_old(b: Bounds, new: &Set, old: &[Set]) -> Vec<Scale> {
    let mut left: Vec<Set> = old.to_vec();
    let total: i64 = new.wanted + left.iter().map(|s| s.wanted).sum::<i64>();
    let least = b.replicas - b.unavailable;
    let new_missing = new.wanted - new.available;
    let may_go = total - least - new_missing;
    if may_go <= 0 {
        return Vec::new();
    }
    // What does not work goes first, it costs no availability.
    let mut done = 0;
    for s in &mut left {
        let cut = (may_go - done).min(s.wanted - s.available).max(0);
        s.wanted -= cut;
        done += cut;
    }
    let available = new.available + left.iter().map(|s| s.available).sum::<i64>();
    let mut spare = (available - least).max(0);
    for s in &mut left {
        let cut = spare.min(s.wanted);
        s.wanted -= cut;
        spare -= cut;
    }
    left.into_iter()
        .zip(old)
        .filter(|(l, o)| l.wanted != o.wanted)
        .map(|(l, _)| (l.name, l.wanted))
        .collect()
}

/// Shares the difference among the sets by their size, after `spec.replicas` changed in the middle
/// of a rollout. `before` is the size (with surge) they were scaled for.
pub fn proportional(bounds: Bounds, before: i64, sets: &[Set]) -> Vec<Scale> {
    let total: i64 = sets.iter().map(|s| s.wanted).sum();
    let allowed = if bounds.replicas > 0 { bounds.replicas + bounds.surge } else { 0 };
    let mut rest = allowed - total;
    let mut order: Vec<&Set> = sets.iter().filter(|s| s.wanted > 0).collect();
    order.sort_by(|a, b| b.wanted.cmp(&a.wanted).then(a.name.cmp(&b.name)));
    let mut out: Vec<Scale> = Vec::new();
    for s in &order {
        let share = if before > 0 {
            let exact = s.wanted as f64 * allowed as f64 / before as f64;
            exact.round() as i64 - s.wanted
        } else {
            rest
        };
        let share = if rest >= 0 { share.clamp(0, rest) } else { share.clamp(rest, 0) };
        rest -= share;
        out.push((s.name.clone(), s.wanted + share));
    }
    if let Some(first) = out.first_mut() {
        first.1 = (first.1 + rest).max(0);
    }
    out.retain(|(name, n)| sets.iter().any(|s| s.name == *name && s.wanted != *n));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(name: &str, wanted: i64, available: i64) -> Set {
        Set { name: name.into(), wanted, actual: wanted, available }
    }

    #[test]
    fn bounds_round_surge_up_and_unavailable_down() {
        let d = json!({"spec": {"replicas": 3}});
        let b = Bounds::of(&d);
        assert_eq!((b.surge, b.unavailable), (1, 0));
        let d = json!({"spec": {"replicas": 1, "strategy": {"rollingUpdate":
            {"maxSurge": 0, "maxUnavailable": 0}}}});
        assert_eq!(Bounds::of(&d).unavailable, 1);
    }

    /// Plays a whole rollout with pods that come up one step later and checks the promise.
    #[test]
    fn a_rollout_ends_and_never_breaks_its_bounds() {
        for (replicas, surge, unavailable) in
            [(3, 1, 0), (4, 0, 1), (10, 3, 2), (1, 1, 0), (5, 5, 5)]
        {
            let b = Bounds { replicas, surge, unavailable };
            let mut new = set("new", 0, 0);
            let mut old = vec![set("old", replicas, replicas)];
            let mut steps = 0;
            while new.available < replicas || old[0].wanted > 0 {
                for (name, n) in rolling(b, &new, &old) {
                    let s = if name == "new" { &mut new } else { &mut old[0] };
                    s.wanted = n;
                    s.available = s.available.min(n);
                }
                let total = new.wanted + old[0].wanted;
                assert!(total <= replicas + surge, "{b:?}: {total} pods");
                let up = new.available + old[0].available;
                assert!(up >= replicas - unavailable, "{b:?}: {up} available");
                new.available = new.wanted;
                steps += 1;
                assert!(steps < 100, "{b:?} does not end");
            }
        }
    }

    #[test]
    fn broken_old_pods_go_first() {
        let b = Bounds { replicas: 4, surge: 1, unavailable: 0 };
        let out = rolling(b, &set("new", 4, 2), &[set("bad", 1, 0), set("good", 2, 2)]);
        assert_eq!(out, [("bad".to_owned(), 0)]);
    }

    #[test]
    fn recreate_waits_for_old_pods_to_be_gone() {
        let b = Bounds { replicas: 2, surge: 0, unavailable: 2 };
        let new = set("new", 0, 0);
        assert_eq!(recreate(b, Some(&new), &[set("old", 2, 2)], 2), [("old".to_owned(), 0)]);
        assert!(recreate(b, Some(&new), &[set("old", 0, 0)], 1).is_empty());
        assert_eq!(recreate(b, Some(&new), &[set("old", 0, 0)], 0), [("new".to_owned(), 2)]);
    }

    #[test]
    fn a_scale_in_the_middle_is_shared() {
        let b = Bounds { replicas: 20, surge: 2, unavailable: 0 };
        let out = proportional(b, 12, &[set("a", 8, 8), set("b", 4, 4)]);
        let total: i64 = out.iter().map(|(_, n)| n).sum();
        assert_eq!(total, 22);
        assert_eq!(out[0], ("a".to_owned(), 15));
    }
}
