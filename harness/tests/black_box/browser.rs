//! A real Chromium, driven by its DevTools protocol over two pipes: there is no port that another test could take.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::wait_for;

/// A browser that starts for the first time on a slow machine takes its time. Nothing here takes longer but what hangs.
const BOUND: Duration = Duration::from_secs(60);

/// The browser reads what it is told from 3 and answers on 4, each message with a zero behind it.
const ON_PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;

/// Where the program may be, in this order.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A browser with a profile of its own. All of its processes end with it.
pub struct Browser {
    child: Child,
    orders: ChildStdin,
    answers: mpsc::Receiver<Vec<u8>>,
    next: u64,
    /// What it told without being asked: method, session, parameters.
    told: Vec<(String, String, Value)>,
    _profile: TempDir,
}

/// One page of it.
#[derive(Clone)]
pub struct Tab(String);

/// To look for one is no test of the harness; to go on without one would test nothing.
fn program() -> PathBuf {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&search_path).collect();
    let on_path = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = named.into_iter().chain(on_path).find(|path| path.is_file());
    found.expect("these tests need a Chromium: sh tools/apt installs one, or name yours in CHROMIUM")
}

impl Browser {
    /// Starts it. The first that it is asked waits until it is there.
    pub fn start() -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("sh");
        command.args(["-c", ON_PIPES]).arg(program());
        // A container's /dev/shm may be too small for it, there may be no graphics, and it asks nobody for anything.
        command
            .args(["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"])
            .args(["--no-first-run", "--no-default-browser-check", "--disable-background-networking"])
            .args([
                "--disable-component-update",
                "--disable-sync",
                "--disable-extensions",
                "--disable-breakpad",
            ])
            .args(["--hide-scrollbars", "--force-device-scale-factor=1", "--window-size=1280,900"])
            .arg(format!("--user-data-dir={}", profile.path().display()));
        if rustix::process::geteuid().is_root() {
            command.arg("--no-sandbox");
        }
        command.arg("about:blank").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.process_group(0).spawn().expect("it starts");
        let orders = child.stdin.take().expect("a pipe");
        let told = BufReader::new(child.stdout.take().expect("a pipe"));
        let (tell, answers) = mpsc::channel();
        std::thread::spawn(move || {
            let messages = told.split(0).map_while(Result::ok);
            messages.for_each(|message| drop(tell.send(message)));
        });
        Self { child, orders, answers, next: 0, told: Vec::new(), _profile: profile }
    }

    /// An empty page that tells what goes wrong in it and what it asks for.
    pub fn tab(&mut self) -> Tab {
        let target = self.call("", "Target.createTarget", json!({ "url": "about:blank" }));
        let target = target["targetId"].as_str().expect("an id").to_owned();
        let attached = self.call("", "Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        let tab = Tab(attached["sessionId"].as_str().expect("a session").to_owned());
        for domain in ["Runtime", "Log", "Network", "Page"] {
            self.call(&tab.0, &format!("{domain}.enable"), json!({}));
        }
        tab
    }

    /// Opens an address. It may still load afterwards: wait for what should be in it.
    pub fn open(&mut self, tab: &Tab, url: &str) {
        let answer = self.call(&tab.0, "Page.navigate", json!({ "url": url }));
        assert!(answer.get("errorText").is_none(), "{url}: {answer}");
    }

    /// What an expression is in the page.
    pub fn ask(&mut self, tab: &Tab, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call(&tab.0, "Runtime.evaluate", parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The same as a text.
    pub fn text(&mut self, tab: &Tab, expression: &str) -> String {
        self.ask(tab, expression).as_str().unwrap_or_else(|| panic!("no text: {expression}")).to_owned()
    }

    /// Waits until an expression is true in the page.
    #[track_caller]
    pub fn wait(&mut self, tab: &Tab, expression: &str) {
        let parameters = json!({ "expression": expression, "returnByValue": true });
        // A page that is still loading may have nothing yet of what is asked for.
        wait_for(expression, BOUND, || {
            let answer = self.try_call(&tab.0, "Runtime.evaluate", parameters.clone());
            answer.is_ok_and(|answer| answer["result"]["value"] == json!(true))
        });
    }

    /// Any method of the protocol, to a page.
    pub fn tell(&mut self, tab: &Tab, method: &str, parameters: Value) -> Value {
        self.call(&tab.0, method, parameters)
    }

    /// A key, pressed and let go.
    pub fn press(&mut self, tab: &Tab, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let parameters = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            self.call(&tab.0, "Input.dispatchKeyEvent", parameters);
        }
    }

    /// Everything that went wrong in the page so far: exceptions, errors and warnings on its console, refused requests.
    pub fn complaints(&mut self, tab: &Tab) -> Vec<String> {
        // What was told before this answer has been read with it.
        self.ask(tab, "1");
        let of_tab = self.told.iter().filter(|(_, session, _)| *session == tab.0);
        let bad = |method: &str, parameters: &Value| match method {
            "Runtime.exceptionThrown" => true,
            // What the page itself gave up is no failure.
            "Network.loadingFailed" => parameters["canceled"] != json!(true),
            "Runtime.consoleAPICalled" => matches!(parameters["type"].as_str(), Some("error" | "warning")),
            "Log.entryAdded" => matches!(parameters["entry"]["level"].as_str(), Some("error" | "warning")),
            _ => false,
        };
        let complaints = of_tab.filter(|(method, _, parameters)| bad(method, parameters));
        complaints.map(|(method, _, parameters)| format!("{method}: {parameters}")).collect()
    }

    /// The addresses of everything that the page asked for.
    pub fn requests(&mut self, tab: &Tab) -> Vec<String> {
        self.ask(tab, "1");
        let asked = self
            .told
            .iter()
            .filter(|(method, session, _)| method == "Network.requestWillBeSent" && *session == tab.0);
        let urls = asked.filter_map(|(.., parameters)| parameters["request"]["url"].as_str());
        // An address that holds its own data goes nowhere.
        urls.filter(|url| !url.starts_with("data:")).map(str::to_owned).collect()
    }

    /// The page as a picture: what fits in a window of this size, or all of it.
    pub fn picture(&mut self, tab: &Tab, width: u32, height: u32, path: &Path) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.tell(tab, "Emulation.setDeviceMetricsOverride", metrics);
        // Twice: the first picture that is drawn after a change of size may still be of the old one.
        self.ask(
            tab,
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))",
        );
        let answer = self.tell(tab, "Page.captureScreenshot", json!({ "format": "png" }));
        let bytes = from_base64(answer["data"].as_str().expect("a picture"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    fn call(&mut self, session: &str, method: &str, parameters: Value) -> Value {
        self.try_call(session, method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn try_call(&mut self, session: &str, method: &str, parameters: Value) -> Result<Value, Value> {
        self.next += 1;
        let id = self.next;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if !session.is_empty() {
            message["sessionId"] = json!(session);
        }
        self.orders.write_all(format!("{message}\0").as_bytes()).expect("the browser hears");
        loop {
            let answer = self.answers.recv_timeout(BOUND);
            let answer =
                answer.unwrap_or_else(|error| panic!("the browser does not answer {method}: {error}"));
            let mut message: Value = serde_json::from_slice(&answer).expect("JSON");
            if message["id"] == json!(id) {
                return if message.get("error").is_none() {
                    Ok(message["result"].take())
                } else {
                    Err(message)
                };
            }
            if let Some(method) = message["method"].as_str().map(str::to_owned) {
                let session = message["sessionId"].as_str().unwrap_or_default().to_owned();
                self.told.push((method, session, message["params"].take()));
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Ends the browser and all that it started: they are one process group.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

fn from_base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u32> = text.bytes().filter(|byte| *byte != b'=').map(digit).collect();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for four in digits.chunks(4) {
        let at = |place: usize| four.get(place).copied().unwrap_or(0);
        let bits = at(0) << 18 | at(1) << 12 | at(2) << 6 | at(3);
        bytes.extend(&bits.to_be_bytes()[1..four.len()]);
    }
    bytes
}
