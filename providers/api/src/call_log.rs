//! Logs each call over the network as a span: which API, method and path, the answer's status, how long
//! it took and the id that the other side gave it. Nothing else of a call is logged, for headers and
//! bodies may hold secrets.

use std::time::Instant;

use tracing::{Span, debug, debug_span, field::Empty, info, info_span};

/// The target of these spans, for filters.
pub const CALL_TARGET: &str = "infra::call";

/// A call that is under way. If it is dropped, it was given up: its future was cancelled.
#[derive(Debug)]
pub struct Call {
    span: Span,
    begun: Instant,
    is_effect: bool,
    is_over: bool,
}

impl Call {
    /// Opens the span of a call: `info` for one that may change something, `debug` for a read. `path` must
    /// come without its query.
    pub fn begin(api: &str, method: &str, path: &str, is_effect: bool) -> Self {
        let span = if is_effect {
            info_span!(target: CALL_TARGET, "call", api, method, path, status = Empty, duration_ms = Empty, request_id = Empty)
        } else {
            debug_span!(target: CALL_TARGET, "call", api, method, path, status = Empty, duration_ms = Empty, request_id = Empty)
        };
        Self { span, begun: Instant::now(), is_effect, is_over: false }
    }

    /// Notes the answer and ends the call.
    pub fn answered(mut self, status: u16, request_id: Option<&str>) {
        self.span.record("status", status);
        if let Some(id) = request_id {
            self.span.record("request_id", id);
        }
        self.end("answered");
    }

    /// Notes that no answer came, and why, and ends the call.
    pub fn unanswered(mut self, reason: &str) {
        self.end(reason);
    }

    /// Ends a call that was only signed and never sent. Nothing is logged.
    pub fn not_sent(mut self) {
        self.is_over = true;
    }

    fn end(&mut self, how: &str) {
        self.is_over = true;
        let took = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.span.record("duration_ms", took);
        let _inside = self.span.enter();
        if self.is_effect {
            info!(target: CALL_TARGET, "{how}");
        } else {
            debug!(target: CALL_TARGET, "{how}");
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // What was sent may have had its effect, so the log must have it.
        if !self.is_over {
            self.end("given up");
        }
    }
}

/// Returns true if an HTTP method never changes anything.
pub fn is_read(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}
