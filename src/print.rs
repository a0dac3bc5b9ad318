//! Printing that survives its reader. `infra plan | head` closes the pipe while more is to come:
//! std's macros panic then. The four macros here have the same names, so every `println!` of this
//! crate is one of them.

use std::{
    fmt::Arguments,
    io::{self, ErrorKind, Write},
    sync::OnceLock,
};

/// The first thing that kept standard output from being written.
static FAILED: OnceLock<String> = OnceLock::new();

/// To standard output. A reader that went away is no failure: it has seen what it wanted.
pub(crate) fn out(text: Arguments<'_>) {
    note(io::stdout().lock().write_fmt(text));
}

/// To standard error. Nobody could be told that this failed.
pub(crate) fn err(text: Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(text);
}

/// Writes out what is buffered; what standard output could not take (a full disk), if anything.
pub(crate) fn finish() -> Option<&'static str> {
    note(io::stdout().lock().flush());
    FAILED.get().map(String::as_str)
}

fn note(result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != ErrorKind::BrokenPipe
    {
        let _ = FAILED.set(error.to_string());
    }
}

macro_rules! print {
    ($($what:tt)*) => { $crate::print::out(::std::format_args!($($what)*)) };
}

macro_rules! println {
    () => { $crate::print::out(::std::format_args!("\n")) };
    ($($what:tt)*) => {
        $crate::print::out(::std::format_args!("{}\n", ::std::format_args!($($what)*)))
    };
}

macro_rules! eprint {
    ($($what:tt)*) => { $crate::print::err(::std::format_args!($($what)*)) };
}

macro_rules! eprintln {
    () => { $crate::print::err(::std::format_args!("\n")) };
    ($($what:tt)*) => {
        $crate::print::err(::std::format_args!("{}\n", ::std::format_args!($($what)*)))
    };
}
