//! Order, circles and near words, on plain indices.

use std::collections::VecDeque;

/// An order of `0..after.len()` in which each index comes after all of `after[index]`; indices that
/// could come in any order keep their own. `None` if there is a circle. O(nodes + edges).
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

/// One circle in `after`, as indices, each needing the next; the first is not repeated.
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

/// The one of `words` that looks most like `word`, if one does.
pub(crate) fn nearest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    words
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= 1 + word.len() / 5)
        .min()
        .map(|(_, candidate)| candidate)
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
    fn near_words() {
        let words = ["droplet.worker-1", "vpc.main"];
        assert_eq!(nearest("droplet.woker-1", words.into_iter()), Some("droplet.worker-1"));
        assert_eq!(nearest("firewall.x", words.into_iter()), None);
    }
}
