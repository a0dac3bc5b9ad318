//! Doing nothing more once the lease is over.

use std::{future::poll_fn, task::Poll};

use infra_state::store::{Store, StoreError};

/// Ends when the lease is over. It checks the lease whenever the task that waits for this is woken.
/// First in a biased `select!`, it stops a process that slept past its lease before a call that it
/// had only prepared. It wakes nobody by itself; losing the lease cancels the run elsewhere.
pub(super) async fn lost(store: &Store) -> StoreError {
    poll_fn(|_| match store.may_act() {
        Ok(()) => Poll::Pending,
        Err(error) => Poll::Ready(error),
    })
    .await
}
