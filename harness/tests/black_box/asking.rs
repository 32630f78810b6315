//! What a participant is asked on a terminal, and what nobody else is asked.

use std::{
    io::{Read, Write},
    process::{Child, ChildStdin, Stdio},
    sync::mpsc,
    time::Instant,
};

use crate::common::{AS_EXPECTED, BOUND, INCONCLUSIVE, Project};

const ASKED: &str = r#"
[[predict]]
variant = "plain"
question = "How many arrive?"
answer = "applied"
choices = [{ says = "none of them", is = 0 }, { says = "all ten", is = 10 }]
"#;

/// Gives a program a terminal of its own, and hands on what is typed and what is shown.
const PTY: &str = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/// A person at a terminal.
struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: mpsc::Receiver<Vec<u8>>,
    seen: Vec<u8>,
}

impl Terminal {
    fn start(project: &Project, arguments: &[&str]) -> Self {
        let mut command = project.command_by(&["python3", "-c", PTY], arguments);
        command.env("NO_COLOR", "1").env("COLUMNS", "80").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3");
        let keyboard = child.stdin.take().expect("a pipe");
        let mut output = child.stdout.take().expect("a pipe");
        let (tell, screen) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                if tell.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard, screen, seen: Vec::new() }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Waits until this can be read.
    #[track_caller]
    fn shows(&mut self, text: &str) -> &mut Self {
        let deadline = Instant::now() + BOUND;
        while !self.text().contains(text) {
            match self.screen.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(_) => panic!("it never showed \"{text}\", but:\n{}", String::from_utf8_lossy(&self.seen)),
            }
        }
        self
    }

    fn types(&mut self, keys: &str) -> &mut Self {
        self.keyboard.write_all(keys.as_bytes()).and_then(|()| self.keyboard.flush()).expect("a keyboard");
        self
    }

    /// Waits for the end; the code, and all that was shown.
    #[track_caller]
    fn end(mut self) -> (Option<i32>, String) {
        // The screen closes with the program.
        let deadline = Instant::now() + BOUND;
        loop {
            match self.screen.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("it did not end:\n{}", self.text()),
            }
        }
        let code = self.child.wait().expect("a child").code();
        (code, self.text())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_participant_is_asked_and_told_how_it_compares() {
    let project = Project::tiny(ASKED);
    let mut terminal = Terminal::start(&project, &["run", "7"]);
    terminal.shows("How many arrive?").shows("1 none of them").shows("2 all ten").shows(">").types("2\n");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(AS_EXPECTED), "{shown}");
    assert!(shown.contains("you said \"all ten\", and so it is: applied 10"), "{shown}");
    assert!(shown.contains("1 of 1 as you expected"), "{shown}");

    let mut terminal = Terminal::start(&project, &["run", "7/plain"]);
    terminal.shows("How many arrive?").shows(">").types("7\n").shows("a number from 1 to 2").types("1\n");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(AS_EXPECTED), "a wrong guess is no failure: {shown}");
    assert!(shown.contains("you said \"none of them\"; it is \"all ten\": applied 10"), "{shown}");
}

#[test]
fn ctrl_c_at_a_question_runs_nothing() {
    let project = Project::tiny(ASKED);
    let mut terminal = Terminal::start(&project, &["run", "7"]);
    terminal.shows("How many arrive?").shows(">").types("\u{3}");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(INCONCLUSIVE), "{shown}");
    assert!(shown.contains("interrupted before anything was run"), "{shown}");
    assert!(!project.path("runs").exists(), "something was started");
}

#[test]
fn the_end_of_input_leaves_the_questions_out_and_runs() {
    let project = Project::tiny(ASKED);
    let mut terminal = Terminal::start(&project, &["run", "7"]);
    terminal.shows("How many arrive?").shows(">").types("\u{4}");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(AS_EXPECTED), "{shown}");
    assert!(shown.contains("kept") && !shown.contains("What you expected"), "{shown}");
}

#[test]
fn who_does_not_want_to_be_asked_is_not() {
    let project = Project::tiny(ASKED);
    for arguments in [&["run", "7", "--no-ask"][..], &["run", "7", "--json"], &["run", "7", "--no-faults"]] {
        let (code, shown) = Terminal::start(&project, arguments).end();
        assert_eq!(code, Some(AS_EXPECTED), "{shown}");
        assert!(!shown.contains("How many arrive?"), "{arguments:?}: {shown}");
    }
    // Without a terminal nobody is there to answer.
    let ran = project.run(&["run", "7"]);
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("How many arrive?"), "{ran}");
}
