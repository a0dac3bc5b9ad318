//! A program that is run with a limit of time.

use std::{
    io::{self, Read},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

const PAUSE: Duration = Duration::from_millis(20);

/// Runs `command` to its end, or ends it after `limit`: then there is no output.
///
/// # Errors
/// Returns an error if it cannot be started or waited for.
pub(super) fn output(command: &mut Command, limit: Duration) -> io::Result<Option<Output>> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (stdout, stderr) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let until = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= until {
            end(&mut child);
            return Ok(None);
        }
        thread::sleep(PAUSE);
    };
    // A child of its own may keep the pipes open.
    let rest = |text: mpsc::Receiver<Vec<u8>>| {
        text.recv_timeout(until.saturating_duration_since(Instant::now())).unwrap_or_default()
    };
    Ok(Some(Output { status, stdout: rest(stdout), stderr: rest(stderr) }))
}

/// Reads a pipe while the program runs, so that it never waits for a reader.
fn drain(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
