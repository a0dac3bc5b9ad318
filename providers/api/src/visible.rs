//! Text of others on a terminal. A cloud's error, a node's report, the name of a lock's holder or a
//! container's log may hold escape sequences, which a terminal obeys: they would rewrite lines that
//! this program has printed, or the clipboard. Everything that is printed for people passes here.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

/// Returns true if a terminal acts on `c` instead of showing it. Besides control characters these
/// are the marks that turn the direction of writing, with which a text looks like another one.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}'
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Shows what a terminal would act on as `\u{1b}`; line ends and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    shown(text, |c| is_unseen(c) && c != '\n' && c != '\t')
}

/// Shows line ends and tabs, too: for what is a part of a line, and must not pretend to be others.
pub fn one_line(text: &str) -> Cow<'_, str> {
    shown(text, is_unseen)
}

fn shown(text: &str, is_unseen: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unseen(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Passes on what is written to it, made [`visible`].
pub struct Visible<W>(pub W);

impl<W: Write> Write for Visible<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_str(&visible(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_shown() {
        let cases = [
            ("plain, naïve, 日本語 ✓\n\tindented", "plain, naïve, 日本語 ✓\n\tindented"),
            ("\u{1b}[2J\u{1b}]0;title\u{7}", "\\u{1b}[2J\\u{1b}]0;title\\u{7}"),
            ("a\rb\u{8}c\u{7f}\u{9b}31m", "a\\u{d}b\\u{8}c\\u{7f}\\u{9b}31m"),
            ("user\u{202e}gpj.exe\u{2066}", "user\\u{202e}gpj.exe\\u{2066}"),
        ];
        for (text, wanted) in cases {
            assert_eq!(visible(text), wanted);
            let mut out = String::new();
            let _ = write!(Visible(&mut out), "{text}");
            assert_eq!(out, wanted);
        }
        assert_eq!(one_line("a\nDone.\tb"), "a\\u{a}Done.\\u{9}b");
    }
}
