//! The traits and types that every cloud implements; no I/O
