//! Order, circles and near words, on plain indices.

use std::collections::VecDeque;

/// Returns an order of `0..after.len()` in which each index comes after all of `after[index]`.
/// Indices that could come in any order keep their own. Returns `None` if there is a circle.
/// O(nodes + edges).
pub(crate) fn topological(after: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut followers = vec![Vec::new(); after.len()];
    let mut missing: Vec<usize> = after.iter().map(Vec::len).collect();
    for (index, needs) in after.iter().enumerate() {
        for &need in needs {
            followers[need].push(index);
        }
    }
    let mut queue: VecDeque<usize> =
        (0..after.len()).filter(|&index| missing[index] == 0).collect();
    let mut order = Vec::with_capacity(after.len());
    while let Some(index) = queue.pop_front() {
        order.push(index);
        for &follower in &followers[index] {
            missing[follower] -= 1;
            if missing[follower] == 0 {
                queue.push_back(follower);
            }
        }
    }
    (order.len() == after.len()).then_some(order)
}

/// Returns, for each index, whether it is in a circle or between two of them. O(nodes + edges).
pub(crate) fn tangled(after: &[Vec<usize>]) -> Vec<bool> {
    let mut before = vec![Vec::new(); after.len()];
    for (index, needs) in after.iter().enumerate() {
        for &need in needs {
            before[need].push(index);
        }
    }
    let mut tangled = vec![true; after.len()];
    // What waits for no circle is free, and so is what no circle waits for.
    for (needs, followers) in [(after, before.as_slice()), (before.as_slice(), after)] {
        let is_tangled = |&&need: &&usize| tangled[need];
        let mut missing: Vec<usize> =
            needs.iter().map(|needs| needs.iter().filter(is_tangled).count()).collect();
        let mut free: Vec<usize> =
            (0..after.len()).filter(|&index| tangled[index] && missing[index] == 0).collect();
        while let Some(index) = free.pop() {
            tangled[index] = false;
            for &follower in &followers[index] {
                missing[follower] -= 1;
                if missing[follower] == 0 && tangled[follower] {
                    free.push(follower);
                }
            }
        }
    }
    tangled
}

/// Finds one circle in `after`, as indices, each needing the next. The first is not repeated.
pub(crate) fn find_cycle(after: &[Vec<usize>]) -> Option<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; after.len()];
    for start in 0..after.len() {
        if marks[start] != Mark::New {
            continue;
        }
        // A path with, for each index on it, the next edge to follow: no recursion, so that a
        // chain of ten thousand does not run out of stack.
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        marks[start] = Mark::Open;
        while let Some((index, edge)) = path.last_mut() {
            let Some(&next) = after[*index].get(*edge) else {
                marks[*index] = Mark::Done;
                path.pop();
                continue;
            };
            *edge += 1;
            match marks[next] {
                Mark::New => {
                    marks[next] = Mark::Open;
                    path.push((next, 0));
                }
                Mark::Open => {
                    let from = path.iter().position(|(index, _)| *index == next).unwrap_or(0);
                    return Some(path[from..].iter().map(|(index, _)| *index).collect());
                }
                Mark::Done => {}
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_chain_does_not_overflow_the_stack() {
        let count = 100_000;
        let mut after: Vec<Vec<usize>> =
            (0..count).map(|index| if index == 0 { vec![] } else { vec![index - 1] }).collect();
        assert_eq!(topological(&after).unwrap().len(), count);
        assert_eq!(find_cycle(&after), None);
        after[0].push(count - 1);
        assert!(topological(&after).is_none());
        assert_eq!(find_cycle(&after).unwrap().len(), count);
    }

    #[test]
    fn what_is_in_no_circle_is_free() {
        // 1, 2 and 3 are a circle, 6 and 7 another, and 5 is between them.
        let after =
            vec![vec![], vec![0, 3], vec![1], vec![2, 2], vec![3], vec![3], vec![5, 7], vec![6]];
        let free: Vec<usize> = (0..after.len()).filter(|&index| !tangled(&after)[index]).collect();
        assert_eq!(free, [0, 4]);
        assert!(!tangled(&[vec![], vec![0], vec![0, 1]]).contains(&true));
    }
}
