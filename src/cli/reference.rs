//! The CLI reference, docs/cli.md, made from the definitions that `--help` is made from.

use std::fmt::Write;

use clap::{Arg, Command, CommandFactory};

use super::{Cli, global::HEADING};
use crate::session::ExitCode;

/// Returns the text of docs/cli.md.
pub fn reference() -> String {
    let mut root = Cli::command();
    root.build();
    let mut text = String::from(
        "# Command line\n\n\
         This page is made from the definitions that `infra --help` is made from. Write it again with\n\
         `INFRA_WRITE_DOCS=1 cargo test --test reference`.\n\n\
         ## Global options\nEvery verb takes these.\n\n",
    );
    let is_global = |arg: &Arg| arg.get_help_heading() == Some(HEADING);
    options(&mut text, root.get_arguments().filter(|arg| is_global(arg)));
    for verb in root.get_subcommands().filter(|verb| verb.get_name() != "help") {
        command(&mut text, verb, "infra", 2);
    }
    text.push_str("\n## Exit codes\n| code | meaning |\n|---|---|\n");
    for code in ExitCode::ALL {
        let _ = writeln!(text, "| {} | {} |", code as u8, code.meaning());
    }
    text
}

fn command(text: &mut String, verb: &Command, parent: &str, level: usize) {
    if verb.is_hide_set() {
        return;
    }
    let name = format!("{parent} {}", verb.get_name());
    let _ = writeln!(text, "\n{} {name}", "#".repeat(level));
    let about = verb.get_long_about().or_else(|| verb.get_about());
    if let Some(about) = about {
        let _ = writeln!(text, "{}\n", sentence(&about.to_string()));
    }
    let own = |arg: &&Arg| {
        arg.get_help_heading() != Some(HEADING)
            && !matches!(arg.get_id().as_str(), "help" | "version")
    };
    let (places, flags): (Vec<&Arg>, Vec<&Arg>) =
        verb.get_arguments().filter(own).partition(|arg| arg.is_positional());
    if !verb.has_subcommands() {
        let words: String = places.iter().map(|arg| format!(" {}", placeholder(arg))).collect();
        let _ = writeln!(text, "`{name}{words} [OPTIONS]`\n");
    }
    options(text, places.into_iter().chain(flags));
    for below in verb.get_subcommands().filter(|below| below.get_name() != "help") {
        command(text, below, &name, level + 1);
    }
}

fn options<'a>(text: &mut String, all: impl Iterator<Item = &'a Arg>) {
    let mut shown = all.filter(|arg| !arg.is_hide_set()).peekable();
    if shown.peek().is_none() {
        return;
    }
    text.push_str("| option | meaning |\n|---|---|\n");
    for arg in shown {
        let help = arg.get_long_help().or_else(|| arg.get_help());
        let mut help = help.map(|help| sentence(&help.to_string())).unwrap_or_default();
        let values: Vec<String> =
            arg.get_default_values().iter().map(|one| one.to_string_lossy().into_owned()).collect();
        if !values.is_empty() && arg.get_action().takes_values() {
            let _ = write!(help, " Default: `{}`.", values.join(","));
        }
        if let Some(name) = arg.get_env() {
            let _ = write!(help, " Also from `{}`.", name.to_string_lossy());
        }
        let _ = writeln!(text, "| `{}` | {} |", signature(arg), help.replace('|', "\\|"));
    }
}

/// Returns a text on one line, of which each paragraph ends like a sentence.
fn sentence(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.ends_with(['.', ':', '!', ')']) || line.is_empty() { line } else { line + "." }
    });
    paragraphs.collect::<Vec<_>>().join(" ")
}

fn placeholder(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let name =
        names.first().map_or_else(|| arg.get_id().as_str().to_uppercase(), ToString::to_string);
    if arg.is_required_set() { name } else { format!("[{name}]") }
}

fn signature(arg: &Arg) -> String {
    if arg.is_positional() {
        return placeholder(arg);
    }
    let short = arg.get_short().map(|letter| format!("-{letter}"));
    let long = arg.get_long().map(|word| format!("--{word}"));
    let mut text = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    if arg.get_action().takes_values() {
        let names = arg.get_value_names().unwrap_or_default();
        let name = names.first().map_or("VALUE", |name| name.as_str());
        let _ = write!(text, " {name}");
    }
    text
}
