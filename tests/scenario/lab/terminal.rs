//! A run on a terminal of its own.

use std::process::Command;

use super::{Ran, skipped};

/// Answers the first question with Ctrl-C. Ends with the run's own exit code; with 99 when that did not
/// end it within ten seconds, and with 98 when the terminal does not echo afterwards.
const CTRL_C: &str = r#"
import os, pty, select, signal, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
ASKS = [b"is taken: ", b"Type its name", b"private keys in the bucket: "]
said, sent, deadline = b"", False, time.time() + 180
while time.time() < deadline:
    if select.select([fd], [], [], 0.5)[0]:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        said += piece
    if not sent and any(asks in said for asks in ASKS):
        os.write(fd, b"\x03")
        sent, deadline = True, time.time() + 10
else:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    sys.stdout.buffer.write(said)
    sys.exit(99)
sys.stdout.buffer.write(said)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256
sys.exit(code if termios.tcgetattr(fd)[3] & termios.ECHO else 98)
"#;

/// Runs the command on a terminal and presses Ctrl-C once at its first question. `None`, and a loud
/// word, where there is no python3 for it.
pub fn ctrl_c_at_the_question(command: &Command) -> Option<Ran> {
    let there = Command::new("python3").arg("--version").output();
    if !there.is_ok_and(|output| output.status.success()) {
        skipped("no python3: Ctrl-C is not tried on a terminal");
        return None;
    }
    let mut python = Command::new("python3");
    python.args(["-c", CTRL_C]).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        python.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => python.env(name, value),
            None => python.env_remove(name),
        };
    }
    Some(Ran::of(&mut python))
}
