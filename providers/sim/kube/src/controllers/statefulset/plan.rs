//! What a StatefulSet does next: pure, in the order of its ordinals.

/// What the plan needs to know of one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its ordinal.
    pub ordinal: i64,
    /// Running, Ready and (for `minReadySeconds`) long enough.
    pub available: bool,
    /// Being deleted.
    pub deleting: bool,
    /// Failed or succeeded: it is to be replaced.
    pub ended: bool,
    /// Of the newest revision.
    pub updated: bool,
}

/// What the set asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// `spec.ordinals.start`.
    pub start: i64,
    /// `spec.replicas`.
    pub replicas: i64,
    /// `podManagementPolicy: Parallel`.
    pub parallel: bool,
    /// Pods below this ordinal stay on the old revision.
    pub partition: i64,
    /// `updateStrategy: OnDelete`.
    pub on_delete: bool,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make the pod of this ordinal; `true` of the newest revision.
    Create(i64, bool),
    /// Delete the pod of this ordinal.
    Delete(i64),
}

/// Lists the steps to take now.
pub fn steps(w: Wanted, members: &[Member]) -> Vec<Step> {
    let mut out = Vec::new();
    let end = w.start + w.replicas;
    let find = |n: i64| members.iter().find(|m| m.ordinal == n);
    for n in w.start..end {
        match find(n) {
            None => {
                out.push(Step::Create(n, n >= w.start + w.partition || w.on_delete));
                if !w.parallel {
                    return out;
                }
            }
            Some(m) if m.ended && !m.deleting => {
                out.push(Step::Delete(n));
                if !w.parallel {
                    return out;
                }
            }
            // In order: a pod that is not up yet (or on its way out) holds up those after it.
            Some(m) if !w.parallel && (m.deleting || !m.available) => {
                return hold(w, m, out);
            }
            Some(_) => {}
        }
    }
    let mut surplus: Vec<&Member> =
        members.iter().filter(|m| m.ordinal < w.start || m.ordinal >= end).collect();
    surplus.sort_by_key(|m| -m.ordinal);
    for m in surplus {
        if !m.deleting {
            out.push(Step::Delete(m.ordinal));
        }
        if !w.parallel {
            return out;
        }
    }
    if !out.is_empty() || w.on_delete {
        return out;
    }
    // Rolling update: from the last, one at a time, waiting for each.
    for n in (w.start + w.partition..end).rev() {
        match find(n) {
            Some(m) if m.deleting => return out,
            Some(m) if !m.updated => return vec![Step::Delete(n)],
            Some(m) if !m.available => return out,
            _ => {}
        }
    }
    out
}

/// Adds the deletion of a pod of an old revision that never came up: it would hold the update of
/// itself.
fn hold(w: Wanted, m: &Member, mut out: Vec<Step>) -> Vec<Step> {
    let in_update = m.ordinal >= w.start + w.partition && !w.on_delete;
    if in_update && !m.updated && !m.deleting && !m.available {
        out.push(Step::Delete(m.ordinal));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn w(replicas: i64) -> Wanted {
        Wanted { start: 0, replicas, parallel: false, partition: 0, on_delete: false }
    }

    fn up(ordinal: i64, updated: bool) -> Member {
        Member { ordinal, available: true, deleting: false, ended: false, updated }
    }

    #[test]
    fn pods_come_one_after_the_other() {
        assert_eq!(steps(w(3), &[]), [Step::Create(0, true)]);
        let mut first = up(0, true);
        first.available = false;
        assert!(steps(w(3), &[first]).is_empty());
        assert_eq!(steps(w(3), &[up(0, true)]), [Step::Create(1, true)]);
        let all = Wanted { parallel: true, ..w(2) };
        assert_eq!(steps(all, &[]).len(), 2);
    }

    #[test]
    fn they_go_from_the_last() {
        let m = [up(0, true), up(1, true), up(2, true)];
        assert_eq!(steps(w(1), &m), [Step::Delete(2)]);
    }

    #[test]
    fn an_update_goes_backwards_and_stops_at_the_partition() {
        let m = [up(0, false), up(1, false), up(2, true)];
        assert_eq!(steps(w(3), &m), [Step::Delete(1)]);
        let part = Wanted { partition: 2, ..w(3) };
        assert!(steps(part, &m).is_empty());
        let on_delete = Wanted { on_delete: true, ..w(3) };
        assert!(steps(on_delete, &m).is_empty());
    }
}
