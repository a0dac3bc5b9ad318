//! One number that a sample follows from.

/// A small generator of numbers (SplitMix64): the same seed gives the same sample everywhere.
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    /// Makes a generator from a number.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Draws the next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Picks `count` of `all` at random, and keeps their order.
    pub fn pick<T: Clone>(&mut self, all: &[T], count: usize) -> Vec<T> {
        let mut places: Vec<usize> = (0..all.len()).collect();
        for at in 0..count.min(all.len()) {
            let left = (all.len() - at) as u64;
            let other = at + usize::try_from(self.draw() % left).unwrap_or(0);
            places.swap(at, other);
        }
        places.truncate(count);
        places.sort_unstable();
        places.into_iter().map(|place| all[place].clone()).collect()
    }
}
