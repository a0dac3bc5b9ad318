//! A run that is watched while it runs.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use super::{Ran, outcome};

/// The longest any watched moment may take to come.
const PATIENCE: Duration = Duration::from_secs(120);
/// Time between two looks at something that has no watch.
const LOOK: Duration = Duration::from_millis(2);

/// A running `infra`. Killed when it goes out of scope.
pub struct Watched {
    child: Child,
    words: String,
    lines: Receiver<(bool, String)>,
    stdout: String,
    stderr: String,
}

impl Watched {
    pub fn start(mut command: Command) -> Self {
        let words = outcome::words(&command);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let to_err = sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let _ = sender.send((true, line));
            }
        });
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                let _ = to_err.send((false, line));
            }
        });
        Self { child, words, lines, stdout: String::new(), stderr: String::new() }
    }

    fn keep(&mut self, (out, line): (bool, String)) -> String {
        let text = if out { &mut self.stdout } else { &mut self.stderr };
        text.push_str(&line);
        text.push('\n');
        line
    }

    /// Waits for a line that holds `text`. `false` when the run ends before.
    pub fn until_says(&mut self, text: &str) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if self.keep(line).contains(text) {
                        return true;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => {
                    panic!(
                        "`{}` never said {text:?}:\n{}\n{}",
                        self.words, self.stdout, self.stderr
                    )
                }
            }
        }
    }

    /// Waits until `there` holds. `false` when the run ends before.
    pub fn until(&mut self, mut there: impl FnMut() -> bool) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while !there() {
            if self.ended() {
                return false;
            }
            if Instant::now() > deadline {
                while let Ok(line) = self.lines.try_recv() {
                    self.keep(line);
                }
                panic!(
                    "`{}`: the moment never came:\n{}\n{}",
                    self.words, self.stdout, self.stderr
                );
            }
            std::thread::sleep(LOOK);
        }
        true
    }

    /// What has been read of its standard output.
    pub fn stdout(&self) -> &str {
        &self.stdout
    }

    pub fn ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// kill -9.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        self.signal(nix::sys::signal::Signal::SIGINT);
    }

    /// Lets it stand still, as a laptop that is shut.
    pub fn pause(&self) {
        self.signal(nix::sys::signal::Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(nix::sys::signal::Signal::SIGCONT);
    }

    fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ran {
        while let Ok(line) = self.lines.recv() {
            self.keep(line);
        }
        let status: ExitStatus = self.child.wait().unwrap();
        let output = std::process::Output {
            status,
            stdout: std::mem::take(&mut self.stdout).into_bytes(),
            stderr: std::mem::take(&mut self.stderr).into_bytes(),
        };
        Ran::from(std::mem::take(&mut self.words), output)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
