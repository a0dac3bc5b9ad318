//! Texts that come again and again, held once.

use std::{
    cell::RefCell,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

/// How many are remembered, one at each place.
const PLACES: usize = 1024;

/// Longer ones come once, as a rule, and would be held for nothing.
const LENGTH_MAX: usize = 2048;

thread_local! {
    static RECENT: RefCell<Recent> = RefCell::new(Recent::default());
}

#[derive(Default)]
struct Recent {
    hasher: RandomState,
    texts: Vec<Option<Arc<str>>>,
}

/// Returns a shared copy of `text`, the one of last time if that was not long ago. Ten thousand
/// machines of a pool have one spec, and need ten resources in common.
pub(crate) fn intern(text: &str) -> Arc<str> {
    if text.len() > LENGTH_MAX {
        return text.into();
    }
    RECENT.with_borrow_mut(|recent| {
        recent.texts.resize(PLACES, None);
        #[expect(clippy::cast_possible_truncation, reason = "any part of a hash will do")]
        let place = recent.hasher.hash_one(text) as usize % PLACES;
        match &recent.texts[place] {
            Some(known) if **known == *text => Arc::clone(known),
            _ => Arc::clone(recent.texts[place].insert(text.into())),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_the_same_copy() {
        let (first, again, other) = (intern("vpc.main"), intern("vpc.main"), intern("vpc.other"));
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!((&*first, &*other), ("vpc.main", "vpc.other"));
        let long = "x".repeat(LENGTH_MAX + 1);
        assert_eq!(*intern(&long), *long);
    }
}
