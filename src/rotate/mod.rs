//! Replacing nodes while the apps keep running.
