//! Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Makes a token that Ctrl-C or SIGTERM cancels; a second signal ends the process at once.
///
/// # Errors
/// Returns an error if signals can't be listened to.
pub fn shutdown_on_signals() -> std::io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if cancelled.is_cancelled() {
                // The first one is not obeyed fast enough.
                std::process::exit(130);
            }
            cancelled.cancel();
        }
    });
    Ok(token)
}
