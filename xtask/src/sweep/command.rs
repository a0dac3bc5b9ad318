//! Running the binary: held back until its process is known, and never longer than it may take.

use std::{
    fs::File,
    io::Write,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use super::SweepError;

/// Variables that would lead a run to another account or cluster.
const FOREIGN: [&str; 12] = [
    "DIGITALOCEAN_TOKEN",
    "DIGITALOCEAN_ACCESS_TOKEN",
    "DIGITALOCEAN_API_URL",
    "SPACES_ACCESS_KEY_ID",
    "SPACES_SECRET_ACCESS_KEY",
    "SPACES_ENDPOINT_URL",
    "GOOGLE_OAUTH_ACCESS_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
    "SSL_CERT_FILE",
    "KUBECONFIG",
    "INFRA_FAULT_POINT",
];

/// The shell becomes the binary; the process stays the same.
pub(super) const BECOME: &str = "exec \"$0\" \"$@\"";

/// Time between two looks at a process.
const LOOK: Duration = Duration::from_millis(2);

/// How a run ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub words: String,
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub(super) fn is_killed(&self) -> bool {
        self.status.signal() == Some(9)
    }

    pub(super) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Returns everything that it printed, with its status, for a person who looks for the reason.
    pub(super) fn all(&self) -> String {
        let Self { words, status, stdout, stderr, .. } = self;
        format!("`{words}`: {status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }

    /// Returns the first line that says what went wrong, or else the last line of stderr.
    pub(super) fn complaint(&self) -> String {
        let mut lines = self.stderr.lines().map(str::trim);
        lines
            .find(|line| {
                line.starts_with("error") || line.contains('×') || line.contains("can't be")
            })
            .or_else(|| self.stderr.lines().last())
            .unwrap_or_default()
            .to_owned()
    }
}

/// How to run.
#[derive(Clone, Debug)]
pub(super) struct Start<'a> {
    pub binary: &'a Path,
    pub folder: &'a Path,
    pub words: Vec<String>,
    pub variables: Vec<(String, String)>,
    /// The lines that the waiting shell runs once it is let go: [`BECOME`], after some `ulimit` perhaps.
    pub launch: &'a str,
    pub deadline: Duration,
}

/// A process that waits to be let go.
pub(super) struct Held {
    child: Child,
    words: String,
    out: PathBuf,
    err: PathBuf,
    deadline: Duration,
}

impl Start<'_> {
    /// Starts a shell that continues once it is let go.
    pub(super) fn hold(self) -> Result<Held, SweepError> {
        let script = format!("read -r _ || exit 1\n{}", self.launch);
        let (out, err) = (self.folder.join("out.txt"), self.folder.join("err.txt"));
        let file = |path: &PathBuf| File::create(path).map_err(SweepError::io(path));
        let mut command = Command::new("bash");
        command
            .args(["-c", &script])
            .arg(self.binary)
            .args(&self.words)
            .current_dir(self.folder)
            .stdin(Stdio::piped())
            .stdout(file(&out)?)
            .stderr(file(&err)?);
        for name in FOREIGN {
            command.env_remove(name);
        }
        command.envs(self.variables);
        let child = command.spawn().map_err(SweepError::io(self.binary))?;
        let words = format!("infra {}", self.words.join(" "));
        Ok(Held { child, words, out, err, deadline: self.deadline })
    }
}

impl Held {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it go and waits for its end. A run that takes longer than it may is killed, and broken.
    pub(super) fn go(self) -> Result<Ended, SweepError> {
        self.go_watched(&mut || Ok(()))
    }

    /// Lets it go and waits for its end like [`Self::go`], and calls `watch` again and again
    /// meanwhile.
    pub(super) fn go_watched(
        mut self,
        watch: &mut dyn FnMut() -> Result<(), SweepError>,
    ) -> Result<Ended, SweepError> {
        let started = Instant::now();
        if let Some(mut input) = self.child.stdin.take() {
            let _ = input.write_all(b"\n");
        }
        let status = loop {
            if let Some(status) = self.child.try_wait().map_err(SweepError::io(&self.out))? {
                break status;
            }
            watch()?;
            if started.elapsed() > self.deadline {
                let _ = self.child.kill();
                let status = self.child.wait().map_err(SweepError::io(&self.out))?;
                let ended = self.ended(status);
                return Err(SweepError::broken(format!(
                    "it hung: not over after {} s\n{}",
                    self.deadline.as_secs(),
                    ended.all()
                )));
            }
            std::thread::sleep(LOOK);
        };
        let ended = self.ended(status);
        if ended.stderr.contains("panicked at") {
            return Err(SweepError::broken(format!("it panicked\n{}", ended.all())));
        }
        Ok(ended)
    }

    fn ended(&self, status: ExitStatus) -> Ended {
        let read = |path: &Path| {
            std::fs::read(path)
                .map(|b| String::from_utf8_lossy(&b).into_owned())
                .unwrap_or_default()
        };
        let (stdout, stderr) = (read(&self.out), read(&self.err));
        Ended { words: self.words.clone(), status, stdout, stderr }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
