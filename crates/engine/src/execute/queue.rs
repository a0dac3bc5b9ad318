//! Which steps may begin, and in which order. No I/O.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::plan::Steps;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waits for others, or for its turn.
    Open,
    /// Begun.
    Begun,
    /// Done, failed or skipped.
    Over,
}

/// Which steps may begin.
pub(super) struct Queue {
    followers: Vec<Vec<usize>>,
    missing: Vec<usize>,
    /// How many steps, one after the other, hang on each: those with most go first.
    heights: Vec<usize>,
    ready: BinaryHeap<(usize, Reverse<usize>)>,
    states: Vec<State>,
}

impl Queue {
    pub(super) fn new(steps: &Steps) -> Self {
        let count = steps.steps.len();
        let mut followers = vec![Vec::new(); count];
        for (step, after) in steps.after.iter().enumerate() {
            for &before in after {
                followers[before].push(step);
            }
        }
        let mut heights = vec![0; count];
        for &step in steps.order.iter().rev() {
            let above = followers[step].iter().map(|&follower| heights[follower] + 1).max();
            heights[step] = above.unwrap_or(0);
        }
        let missing: Vec<usize> = steps.after.iter().map(Vec::len).collect();
        let mut queue = Self {
            followers,
            missing,
            heights,
            ready: BinaryHeap::new(),
            states: vec![State::Open; count],
        };
        for step in 0..count {
            if queue.missing[step] == 0 {
                queue.make_ready(step);
            }
        }
        queue
    }

    fn make_ready(&mut self, step: usize) {
        self.ready.push((self.heights[step], Reverse(step)));
    }

    /// Takes the next step that may begin.
    pub(super) fn pop(&mut self) -> Option<usize> {
        let (_, Reverse(step)) = self.ready.pop()?;
        self.states[step] = State::Begun;
        Some(step)
    }

    /// Marks a step as done. A step that waited only for it may begin.
    pub(super) fn done(&mut self, step: usize) {
        self.states[step] = State::Over;
        for place in 0..self.followers[step].len() {
            let follower = self.followers[step][place];
            self.missing[follower] -= 1;
            if self.missing[follower] == 0 && self.states[follower] == State::Open {
                self.make_ready(follower);
            }
        }
    }

    /// Marks a step as failed or left out, along with all that depends on it. Returns the latter.
    pub(super) fn fail(&mut self, step: usize) -> Vec<usize> {
        self.states[step] = State::Over;
        let mut skipped = Vec::new();
        let mut todo = self.followers[step].clone();
        while let Some(follower) = todo.pop() {
            if self.states[follower] == State::Open {
                self.states[follower] = State::Over;
                skipped.push(follower);
                todo.extend(&self.followers[follower]);
            }
        }
        skipped.sort_unstable();
        skipped
    }

    /// Ends everything that has not begun, and returns it.
    pub(super) fn close(&mut self) -> Vec<usize> {
        self.ready.clear();
        let mut open = Vec::new();
        for (step, state) in self.states.iter_mut().enumerate() {
            if *state == State::Open {
                *state = State::Over;
                open.push(step);
            }
        }
        open
    }
}
