//! A state in a bucket, its lease and its fences: on a bucket in memory, with clocks that are turned
//! by hand.

mod attacks;
mod bucket;
mod clock;
mod fences;
mod leases;
mod records;
mod working_copy;
