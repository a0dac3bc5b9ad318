//! Printing that survives its reader. `infra plan | head` closes the pipe while more is to come:
//! std's macros panic then. The macros here have the same names, so every `println!` of this crate
//! is one of them. They make visible what a terminal would act on; `exactln!` and `exact!` are for
//! JSON and for documents that another program reads.

use std::{
    fmt::{self, Arguments},
    io::{self, ErrorKind, Write},
    sync::OnceLock,
};

use crate::visible::Visible;

/// The first thing that kept standard output from being written.
static FAILED: OnceLock<String> = OnceLock::new();

/// Prints to standard output. A reader that went away is no failure: it has seen what it wanted.
pub(crate) fn out(text: Arguments<'_>) {
    note(shown(&mut io::stdout().lock(), text));
}

/// Prints to standard output, byte for byte.
pub(crate) fn exact(text: Arguments<'_>) {
    note(io::stdout().lock().write_fmt(text));
}

/// Prints to standard error. There is no place to report that this failed.
pub(crate) fn err(text: Arguments<'_>) {
    let _ = shown(&mut io::stderr().lock(), text);
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

/// A writer of text over one of bytes, which keeps the error that `fmt` has no room for.
struct Text<'a, W> {
    inner: &'a mut W,
    failed: io::Result<()>,
}

impl<W: Write> fmt::Write for Text<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.failed = self.inner.write_all(text.as_bytes());
        if self.failed.is_ok() { Ok(()) } else { Err(fmt::Error) }
    }
}

fn shown(inner: &mut impl Write, text: Arguments<'_>) -> io::Result<()> {
    let mut visible = Visible(Text { inner, failed: Ok(()) });
    match fmt::Write::write_fmt(&mut visible, text) {
        Ok(()) => Ok(()),
        Err(error) => visible.0.failed.and(Err(io::Error::other(error))),
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

/// Prints a document as it is.
macro_rules! exact {
    ($($what:tt)*) => { $crate::print::exact(::std::format_args!($($what)*)) };
}

/// Prints a line of JSON as it is.
macro_rules! exactln {
    ($($what:tt)*) => {
        $crate::print::exact(::std::format_args!("{}\n", ::std::format_args!($($what)*)))
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
