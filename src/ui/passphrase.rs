//! The person at the terminal: told in a sentence, and asked for a passphrase without an echo.

use std::{
    fs::File,
    io::{ErrorKind, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use rpassword::{ConfigBuilder, read_password_with_config};
use secrecy::SecretString;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::state::{StateError, StateErrorKind, remote::User};

/// The exit code of what was interrupted: 128 and the number of SIGINT, as shells have it.
const INTERRUPTED: i32 = 130;

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

/// Whoever sits at the terminal of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct TerminalUser;

#[async_trait]
impl User for TerminalUser {
    fn tell(&self, text: &str) {
        eprintln!("{text}");
    }

    fn can_answer(&self) -> bool {
        std::io::stdin().is_terminal()
    }

    async fn passphrase(&self, question: &'static str) -> Result<SecretString, StateError> {
        ask(question).await
    }
}

/// The run listens to Ctrl-C and SIGTERM by itself.
static HEARD: AtomicBool = AtomicBool::new(false);

/// Says that the run listens to Ctrl-C and SIGTERM from now on.
pub fn signals_are_heard() {
    HEARD.store(true, Ordering::Relaxed);
}

/// Ends the process at the next signal, unless the run listens by then. Once a signal was listened to it
/// never again does what it does by itself, so a verb that does not listen could not be ended.
fn end_at(mut interrupt: Signal, mut terminate: Signal) {
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if !HEARD.load(Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
    });
}

/// Asks for a passphrase. Ctrl-C and SIGTERM end the question, and the terminal echoes again.
///
/// # Errors
/// Returns an error if the question is interrupted, or if nothing can be read.
async fn ask(question: &'static str) -> Result<SecretString, StateError> {
    // Both are caught before the echo goes: a signal that ends the process would leave it off.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StateError::local)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(StateError::local)?;
    let terminal = Terminal::now().map_err(StateError::local)?;
    let mut tty = terminal.0.try_clone().map_err(StateError::local)?;
    // Here, and not on the thread that reads: it could stop the echo after an interrupt has brought it
    // back.
    terminal.hide().map_err(StateError::local)?;
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
    match typed.transpose().map_err(StateError::local)? {
        Some(Ok(text)) => {
            end_at(interrupt, terminate);
            return Ok(text.into());
        }
        Some(Err(error)) if error.kind() != ErrorKind::Interrupted => {
            return Err(StateError::local(error));
        }
        Some(Err(_)) | None => {}
    }
    eprintln!();
    Err(StateError::new(
        StateErrorKind::Interrupted,
        "interrupted at the question for the passphrase",
    ))
}
