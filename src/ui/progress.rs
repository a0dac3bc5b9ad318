//! Progress of a run: live bars on a terminal, one line an event elsewhere, JSON lines on request.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};
use infra_provider_api::Address;
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{
    apps,
    repeats::{LeftOut, keys},
};
use crate::{
    apps::{AppsEvent, Events as AppsEvents},
    engine::{Event, events::Events},
    logs,
    visible::{one_line, visible},
};

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Bars.
    Live,
    /// Lines on standard error.
    Lines,
    /// JSON lines on standard output.
    Json,
}

impl Style {
    /// Picks the mode that fits: JSON on request, bars on a terminal, lines elsewhere.
    pub fn pick(json: bool) -> Self {
        if json {
            Self::Json
        } else if std::io::stderr().is_terminal() {
            Self::Live
        } else {
            Self::Lines
        }
    }
}

/// What happens while a verb works: to resources, or to the objects of a suite.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum RunEvent {
    Resources(Event),
    Objects(AppsEvent),
}

/// Shows the events of a run until it is closed.
pub struct Reporter {
    sender: UnboundedSender<RunEvent>,
    task: tokio::task::JoinHandle<()>,
}

impl Reporter {
    /// Begins to show events.
    pub fn start(style: Style) -> Self {
        let (sender, receiver) = unbounded_channel();
        let task = tokio::spawn(async move {
            match style {
                Style::Live => live(receiver).await,
                Style::Lines => lines(receiver).await,
                Style::Json => json(receiver).await,
            }
        });
        Self { sender, task }
    }

    /// Returns the receiver of the run's events.
    pub fn events(&self) -> Events {
        let sender = self.sender.clone();
        Events::new(move |event| drop(sender.send(RunEvent::Resources(event))))
    }

    /// Returns the receiver of the events of a suite.
    pub fn apps_events(&self) -> AppsEvents {
        let sender = self.sender.clone();
        AppsEvents::new(move |event| drop(sender.send(RunEvent::Objects(event))))
    }

    /// Shows the remaining events and ends.
    pub async fn close(self) {
        // Senders may live on in contexts of the run; a marker ends the display all the same.
        let _ = self.sender.send(RunEvent::Resources(Event::Note { text: String::new() }));
        drop(self.sender);
        let _ = self.task.await;
    }
}

fn is_end(event: &RunEvent) -> bool {
    matches!(event, RunEvent::Resources(Event::Note { text }) if text.is_empty())
}

fn seconds(took_ms: u64) -> String {
    let seconds = Duration::from_millis(took_ms).as_secs_f64();
    format!("{seconds:.1} s")
}

fn name(address: Option<&Address>) -> String {
    address.map_or_else(|| "run".to_owned(), Address::to_string)
}

/// Renders an event that is worth a line of its own in a log.
fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::StepStarted { address, action } => format!("{address}: {} …", action.doing()),
        Event::StepWaiting { address, reason } => {
            format!("{}: {}", name(address.as_ref()), one_line(reason))
        }
        Event::StepDone { address, action, took_ms } => {
            format!("{address}: {} ({})", action.done(), seconds(*took_ms))
        }
        Event::StepFailed { address, error, took_ms, .. } => {
            let hint =
                error.hint.as_ref().map(|hint| format!("\n    help: {hint}")).unwrap_or_default();
            format!("{address}: FAILED after {}: {}{hint}", seconds(*took_ms), error.message)
        }
        Event::Stopping { in_flight } => {
            let names: Vec<String> = in_flight.iter().map(Address::to_string).collect();
            format!(
                "stopping: nothing new is started; still under way: {}. Ctrl-C again leaves at once; nothing is lost either way.",
                if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
            )
        }
        Event::Note { text } if !text.is_empty() => text.clone(),
        _ => return None,
    })
}

/// The lines of a log: what many steps have in common is said once.
#[derive(Default)]
struct Log {
    left_out: LeftOut,
    /// What has failed first, by its error.
    failed: BTreeMap<String, Address>,
}

impl Log {
    /// Returns the lines that are due once `event` has come.
    fn lines(&mut self, event: &RunEvent) -> Vec<String> {
        let event = match event {
            RunEvent::Resources(event) => event,
            RunEvent::Objects(event) => return apps::line(event).into_iter().collect(),
        };
        if let Event::StepSkipped { address, because, .. } = event {
            return self.left_out.add(address, because).into_iter().collect();
        }
        let mut lines: Vec<String> = self.left_out.take().into_iter().collect();
        if let Event::StepFailed { address, error, took_ms, .. } = event {
            let keys = keys(address, &error.message, error.hint.as_deref());
            if let Some(first) = keys.iter().find_map(|key| self.failed.get(key)) {
                let took = seconds(*took_ms);
                lines.push(format!("{address}: FAILED after {took}, for the reason of {first}"));
                return lines;
            }
            self.failed.extend(keys.map(|key| (key, address.clone())));
        }
        lines.extend(line(event));
        lines
    }

    /// Waits for the next event. When none is there yet, what is held back is printed first.
    async fn next(
        &mut self,
        receiver: &mut UnboundedReceiver<RunEvent>,
        mut print: impl FnMut(String),
    ) -> Option<RunEvent> {
        if let Ok(event) = receiver.try_recv() {
            return Some(event).filter(|event| !is_end(event));
        }
        if let Some(line) = self.left_out.take() {
            print(line);
        }
        receiver.recv().await.filter(|event| !is_end(event))
    }
}

/// What the whole run waits for: reported when it begins, and again while it lasts.
#[derive(Default)]
struct RunWaits {
    said: Option<(String, Instant)>,
}

impl RunWaits {
    const AGAIN: Duration = Duration::from_secs(10);

    /// Returns true if the reason is new. `waiting for the rate limit, 12 s` counts down, so only
    /// the words before matter.
    fn is_news(&mut self, reason: &str, now: Instant) -> bool {
        let what = reason.rsplit_once(", ").map_or(reason, |(what, _)| what);
        let known = self.said.as_ref();
        if known.is_some_and(|(said, at)| said == what && now < *at + Self::AGAIN) {
            return false;
        }
        self.said = Some((what.to_owned(), now));
        true
    }
}

async fn lines(mut receiver: UnboundedReceiver<RunEvent>) {
    let mut last: BTreeMap<Option<Address>, String> = BTreeMap::new();
    let mut run_waits = RunWaits::default();
    let mut log = Log::default();
    while let Some(event) = log.next(&mut receiver, |line| eprintln!("  {line}")).await {
        // The same reason twice is no news, nor is each second that a run waits.
        if let RunEvent::Resources(Event::StepWaiting { address, reason }) = &event {
            if last.get(address) == Some(reason)
                || (address.is_none() && !run_waits.is_news(reason, Instant::now()))
            {
                continue;
            }
            last.insert(address.clone(), reason.clone());
        }
        for line in log.lines(&event) {
            eprintln!("  {line}");
        }
    }
    if let Some(line) = log.left_out.take() {
        eprintln!("  {line}");
    }
}

async fn json(mut receiver: UnboundedReceiver<RunEvent>) {
    while let Some(event) = receiver.recv().await {
        if is_end(&event) {
            break;
        }
        if let Ok(line) = serde_json::to_string(&event) {
            let mut out = std::io::stdout().lock();
            let _ = writeln!(out, "{line}");
        }
    }
}

/// The bars of a run: one for each that is under way, and one for all.
struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    spinner: ProgressStyle,
    running: BTreeMap<String, ProgressBar>,
    /// The bar of the run says what all of it waits for.
    waiting: bool,
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::new();
        logs::beside(Some(all.clone()));
        let spinner = ProgressStyle::with_template("  {spinner} {prefix} {wide_msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let total = all.add(ProgressBar::new(0));
        let style = "  {bar:30} {pos}/{len} steps {elapsed} {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            total.set_style(style);
        }
        Self { all, total, spinner, running: BTreeMap::new(), waiting: false }
    }

    fn print(&self, line: &str) {
        let _ = self.all.println(format!("  {}", visible(line)));
    }

    fn begin(&mut self, name: String, doing: &'static str) {
        let bar = self.all.insert_before(&self.total, ProgressBar::new_spinner());
        bar.set_style(self.spinner.clone());
        bar.set_prefix(name.clone());
        bar.set_message(doing);
        bar.enable_steady_tick(Duration::from_millis(120));
        self.running.insert(name, bar);
    }

    fn say(&self, name: &str, text: String) {
        if let Some(bar) = self.running.get(name) {
            bar.set_message(text);
        }
    }

    fn end(&mut self, name: &str) {
        self.total.inc(1);
        if let Some(bar) = self.running.remove(name) {
            bar.finish_and_clear();
        }
    }

    /// Moves the bars. Returns true if the event is shown by them alone.
    fn show(&mut self, event: &RunEvent) -> bool {
        // Whatever happens, the run waits no longer.
        if self.waiting && !matches!(event, RunEvent::Resources(Event::StepWaiting { .. })) {
            self.total.set_message("");
            self.waiting = false;
        }
        match event {
            RunEvent::Resources(event) => self.resources(event),
            RunEvent::Objects(event) => self.objects(event),
        }
    }

    fn resources(&mut self, event: &Event) -> bool {
        match event {
            Event::RunStarted { steps } => self.total.set_length(*steps as u64),
            Event::StepStarted { address, action } => {
                self.begin(address.to_string(), action.doing());
            }
            Event::StepWaiting { address: None, reason } => {
                self.total.set_message(one_line(reason).into_owned());
                self.waiting = true;
            }
            Event::StepWaiting { address: Some(address), reason } => {
                let name = address.to_string();
                if !self.running.contains_key(&name) {
                    return false;
                }
                self.say(&name, one_line(reason).into_owned());
            }
            Event::StepProgress { address: Some(address), done_bytes, total_bytes } => {
                let (done, all) = (HumanBytes(*done_bytes), HumanBytes(*total_bytes));
                self.say(&address.to_string(), format!("{done} of {all}"));
            }
            Event::StepDone { address, .. }
            | Event::StepFailed { address, .. }
            | Event::StepSkipped { address, .. } => {
                self.end(&address.to_string());
                return false;
            }
            _ => return false,
        }
        true
    }

    fn objects(&mut self, event: &AppsEvent) -> bool {
        match event {
            AppsEvent::Started { objects, .. } => self.total.set_length(*objects as u64),
            AppsEvent::Applying { object } => self.begin(apps::name(object), "applying"),
            AppsEvent::Deleting { object } => self.begin(apps::name(object), "deleting"),
            AppsEvent::Waiting { object, reason } => {
                self.say(&apps::name(object), one_line(reason).into_owned());
            }
            AppsEvent::Ready { object, .. }
            | AppsEvent::Failed { object, .. }
            | AppsEvent::Skipped { object, .. }
            | AppsEvent::Deleted { object }
            | AppsEvent::Kept { object, .. } => {
                self.end(&apps::name(object));
                return false;
            }
            _ => return false,
        }
        true
    }

    fn close(self) {
        for bar in self.running.values() {
            bar.finish_and_clear();
        }
        self.total.finish_and_clear();
        logs::beside(None);
    }
}

async fn live(mut receiver: UnboundedReceiver<RunEvent>) {
    let mut bars = Bars::new();
    let mut log = Log::default();
    while let Some(event) = log.next(&mut receiver, |line| bars.print(&line)).await {
        if !bars.show(&event) {
            log.lines(&event).iter().for_each(|line| bars.print(line));
        }
    }
    log.left_out.take().iter().for_each(|line| bars.print(line));
    bars.close();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_counts_down_is_told_every_ten_seconds() {
        let start = Instant::now();
        let mut waits = RunWaits::default();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert!(waits.is_news("waiting for the rate limit, 25 s", at(0)));
        assert!(!waits.is_news("waiting for the rate limit, 24 s", at(1)));
        assert!(waits.is_news("waiting for the rate limit, 15 s", at(10)));
        assert!(waits.is_news("the API is away; trying again in 3 s", at(11)));
    }
}
