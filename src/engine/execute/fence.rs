//! Doing nothing more once the lease is over.

use std::{future::poll_fn, task::Poll};

use crate::engine::store::{Store, StoreError};

/// Ends when the lease is over. It is looked at whenever whoever waits for this is woken: put first
/// in a biased `select!`, it keeps a process that slept past its lease from going on with a call
/// that it had only prepared. Wakes nobody by itself; losing the lease cancels the run elsewhere.
pub(super) async fn lost(store: &Store) -> StoreError {
    poll_fn(|_| match store.may_act() {
        Ok(()) => Poll::Pending,
        Err(error) => Poll::Ready(error),
    })
    .await
}
