//! Deep future: one that needs more of the stack than threads have. Google's types for GKE have hundreds of
//! fields, and reading one from JSON takes some megabytes where the compiler does not optimise them.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// Threads of tokio and of tests have two megabytes.
const STACK_BYTES: usize = 16 * 1024 * 1024;

struct Deep<F>(Pin<Box<F>>);

/// Makes a future that runs on a stack of its own.
pub(super) fn deep<F: Future>(future: F) -> impl Future<Output = F::Output> {
    Deep(Box::pin(future))
}

impl<F: Future> Future for Deep<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        stacker::grow(STACK_BYTES, || self.0.as_mut().poll(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(left: u32) -> u32 {
        let filled = std::hint::black_box([left; 1024]);
        if left == 0 { 0 } else { depth(left - 1) + u32::from(filled[0] == left) }
    }

    #[tokio::test]
    async fn it_goes_deeper_than_a_thread() {
        // 4 KiB each.
        assert_eq!(deep(async { depth(2_000) }).await, 2_000);
    }
}
