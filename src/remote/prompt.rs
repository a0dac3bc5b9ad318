//! A passphrase that is typed on the terminal without an echo.

use std::{
    fs::File,
    io::{ErrorKind, Write},
};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use rpassword::{ConfigBuilder, read_password_with_config};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

use crate::session::{ExitCode, Failure};

/// The terminal, and how it was set before the question.
struct Terminal(File, Termios);

impl Terminal {
    /// Returns the terminal of this process.
    fn now() -> std::io::Result<Self> {
        let file = File::options().read(true).write(true).open("/dev/tty")?;
        let settings = tcgetattr(&file)?;
        Ok(Self(file, settings))
    }

    /// Stops the echo, but for the end of the line.
    fn hide(&self) -> std::io::Result<()> {
        let Self(file, settings) = self;
        let mut hidden = settings.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        hidden.local_flags.insert(LocalFlags::ECHONL);
        Ok(tcsetattr(file, SetArg::TCSANOW, &hidden)?)
    }

    /// Sets the terminal as it was.
    fn restore(&self) {
        let Self(file, settings) = self;
        // Nothing more can be done about a terminal that is gone.
        let _ = tcsetattr(file, SetArg::TCSANOW, settings);
    }
}

/// Asks for a passphrase. Ctrl-C and SIGTERM end the question, and the terminal echoes again.
///
/// # Errors
/// The question was interrupted; nothing can be read.
pub(super) async fn ask(question: &'static str) -> Result<SecretString, Failure> {
    // Both are caught before the echo goes: a signal that ends the process would leave it off.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::local)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::local)?;
    let terminal = Terminal::now().map_err(Failure::local)?;
    let mut tty = terminal.0.try_clone().map_err(Failure::local)?;
    // Here, and not on the thread that reads: it could stop the echo after an interrupt has brought it
    // back.
    terminal.hide().map_err(Failure::local)?;
    // A read can't be interrupted; on a thread of its own it ends with the process.
    let typed = tokio::task::spawn_blocking(move || {
        tty.write_all(question.as_bytes())?;
        let reader = ConfigBuilder::new().input_reader(tty).output_discard();
        read_password_with_config(reader.build())
    });
    let typed = tokio::select! {
        biased;
        typed = typed => Some(typed),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    };
    terminal.restore();
    match typed.transpose().map_err(Failure::local)? {
        Some(Ok(text)) => return Ok(text.into()),
        Some(Err(error)) if error.kind() != ErrorKind::Interrupted => {
            return Err(Failure::local(error));
        }
        Some(Err(_)) | None => {}
    }
    eprintln!();
    Err(Failure::new(ExitCode::Interrupted, "interrupted at the question for the passphrase"))
}
