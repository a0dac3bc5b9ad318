//! Calling: errors by what can be done about them, retries of reads, the cloud's own pace.

mod errors;
mod owner;
mod pace;

pub(crate) use errors::{is_code, mapped, sdk};
pub(crate) use owner::ExpectedOwner;
pub(crate) use pace::{Pace, Paces};
