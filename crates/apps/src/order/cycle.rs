//! Finds a circle, to be named.

use super::Order;

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Finds the steps of one circle, the first one again at the end. Returns `None` if there is none.
pub(super) fn find(order: &Order) -> Option<Vec<usize>> {
    let mut marks = vec![Mark::New; order.steps.len()];
    for start in 0..order.steps.len() {
        if marks[start] != Mark::New {
            continue;
        }
        // A stack of (step, what it waits for and is still to be looked at): depth-first without
        // recursion, for suites of any depth.
        let mut path = vec![(start, order.before[start].keys().copied().collect::<Vec<_>>())];
        marks[start] = Mark::Open;
        while let Some((step, left)) = path.last_mut() {
            let Some(next) = left.pop() else {
                marks[*step] = Mark::Done;
                path.pop();
                continue;
            };
            match marks[next] {
                Mark::Done => {}
                Mark::New => {
                    marks[next] = Mark::Open;
                    path.push((next, order.before[next].keys().copied().collect()));
                }
                Mark::Open => {
                    let begin = path.iter().position(|(step, _)| *step == next)?;
                    let mut circle: Vec<usize> = path[begin..].iter().map(|(s, _)| *s).collect();
                    circle.push(next);
                    return Some(circle);
                }
            }
        }
    }
    None
}
