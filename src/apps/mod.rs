//! The app suite: render, order, apply, wait, prune.
