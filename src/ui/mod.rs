//! Plan text, progress, JSON events.
