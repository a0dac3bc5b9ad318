//! The tables of docs/performance.md.

use std::{fmt::Write, fs, path::Path, time::Duration};

use super::lab::BenchError;

const BEGIN: &str = "<!-- measured: begin (cargo xtask bench --write) -->\n";
const END: &str = "<!-- measured: end -->\n";

/// A line of the first table.
pub(super) struct Row {
    work: String,
    took: Duration,
    calls: String,
}

impl Row {
    pub(super) fn new(work: &str, took: Duration, calls: &str) -> Self {
        Self { work: work.to_owned(), took, calls: calls.to_owned() }
    }
}

/// A cluster of some size.
pub(super) struct Scale {
    pub(super) nodes: usize,
    pub(super) apply: Duration,
    pub(super) apply_memory: u64,
    pub(super) journal_bytes: u64,
    pub(super) plan: Duration,
    pub(super) calls: u64,
    pub(super) memory: u64,
    pub(super) cloud_memory: u64,
}

/// All that was measured.
pub(super) struct Tables {
    rows: Vec<Row>,
    scales: Vec<Scale>,
}

fn time(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    if seconds < 0.1 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

impl Tables {
    pub(super) fn new() -> Self {
        Self { rows: Vec::new(), scales: Vec::new() }
    }

    pub(super) fn row(&mut self, row: Row) {
        eprintln!("{}: {}", row.work, time(row.took));
        self.rows.push(row);
    }

    pub(super) fn scale(&mut self, scale: Scale) {
        eprintln!("{} nodes: plan {}", scale.nodes, time(scale.plan));
        self.scales.push(scale);
    }

    /// Writes the tables as text. The writes go to a string, so they can't fail.
    pub(super) fn text(&self) -> String {
        let mut text = machine();
        if !self.scales.is_empty() {
            text.push_str(
                "\n| nodes | plan, nothing to change | calls | peak memory | apply, clock \
                 x 60 | its peak memory | journal | embedded cloud's peak |\n\
                 |---|---|---|---|---|---|---|---|\n",
            );
        }
        for one in &self.scales {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                one.nodes,
                time(one.plan),
                one.calls,
                megabytes(one.memory),
                time(one.apply),
                megabytes(one.apply_memory),
                megabytes(one.journal_bytes),
                megabytes(one.cloud_memory),
            );
        }
        if !self.rows.is_empty() {
            text.push_str("\n| work | time | calls to the cloud's API |\n|---|---|---|\n");
        }
        for row in &self.rows {
            let _ = writeln!(text, "| {} | {} | {} |", row.work, time(row.took), row.calls);
        }
        text
    }
}

/// Describes the machine that it was measured on.
fn machine() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model);
    format!(
        "Measured on {cpus} cores of {model}, release build, embedded cloud on the same cores.\n"
    )
}

/// Puts `text` between the marks of `path`.
pub(super) fn write(path: &Path, text: &str) -> Result<(), BenchError> {
    let page = fs::read_to_string(path).map_err(|error| BenchError::file(path, &error))?;
    let marks = page.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some(format!("{before}{BEGIN}{text}{END}{after}"))
    });
    let Some(page) = marks else {
        let reason = "the marks between which the tables stand are gone".to_owned();
        return Err(BenchError::File { path: path.display().to_string(), reason });
    };
    fs::write(path, page).map_err(|error| BenchError::file(path, &error))
}
