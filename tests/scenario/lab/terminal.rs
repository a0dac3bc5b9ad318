//! A run on a terminal of its own.

use std::process::Command;

use super::{Ran, skipped};

/// Answers the first question with its first argument, and then, or at once if that is empty, with
/// Ctrl-C. A secret is answered once the terminal echoes again. Ends with the run's own exit code; with 99 when that did not
/// end it within ten seconds, and with 98 when the terminal does not echo afterwards.
const CTRL_C: &str = r#"
import os, pty, select, signal, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
answer = sys.argv[1].encode()
ASKS = [b"is taken: ", b"Type its name", b"private keys in the bucket: "]
said, sent, answered, deadline = b"", False, False, time.time() + 180
while time.time() < deadline:
    if select.select([fd], [], [], 0.5)[0]:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        said += piece
    if sent or not any(asks in said for asks in ASKS):
        continue
    echoes = termios.tcgetattr(fd)[3] & termios.ECHO
    if answer and not echoes:
        os.write(fd, answer + b"\n")
        answer = b""
        answered = True
    elif not answer and (echoes or not answered):
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
    ctrl_c(command, "")
}

/// Answers the first question, which is for a secret, and presses Ctrl-C once it was read. Otherwise like
/// [`ctrl_c_at_the_question`].
pub fn ctrl_c_after_the_answer(command: &Command, answer: &str) -> Option<Ran> {
    ctrl_c(command, answer)
}

fn ctrl_c(command: &Command, answer: &str) -> Option<Ran> {
    let there = Command::new("python3").arg("--version").output();
    if !there.is_ok_and(|output| output.status.success()) {
        skipped("no python3: Ctrl-C is not tried on a terminal");
        return None;
    }
    let mut python = Command::new("python3");
    python.args(["-c", CTRL_C, answer]).arg(command.get_program()).args(command.get_args());
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
