//! Many connections, and more than the process may have: with the proxy in a process of its own, whose files are counted.

use std::{
    io::{BufRead, BufReader, Lines, stdin},
    process::{Child, ChildStdout, Command, Stdio},
};

use super::*;

const TARGET: &str = "PROXY_TEST_TARGET";

/// This very program again, doing nothing but the proxy.
struct Apart {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Apart {
    /// Starts one that may have so many files open, or as many as this process may.
    fn start(target: SocketAddr, files: Option<u32>) -> Self {
        let limit = files.map_or(String::new(), |files| format!("ulimit -S -n {files} && "));
        let name = "proxy::tests::limits::a_proxy_in_a_process_of_its_own";
        let mut child = Command::new("sh")
            .args(["-c", &format!("{limit}exec \"$@\""), "sh"])
            .arg(std::env::current_exe().unwrap())
            .args([name, "--exact", "--ignored", "--nocapture"])
            .env(TARGET, target.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut apart = Self { child, said, port: 0 };
        apart.port = apart.hears("port").parse().unwrap();
        apart
    }

    /// The rest of the next line that begins so.
    fn hears(&mut self, word: &str) -> String {
        let rest = |line: String| Some(line.strip_prefix(word)?.trim().to_owned());
        self.said.by_ref().map(Result::unwrap).find_map(rest).expect(word)
    }

    /// Asks for what the proxy has in its own words.
    fn ask(&mut self, word: &str) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{word}").unwrap();
        self.hears(word)
    }

    fn client(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        stream
    }

    #[cfg(target_os = "linux")]
    fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
#[ignore = "no test: it is started by those that need a proxy in a process of its own"]
async fn a_proxy_in_a_process_of_its_own() {
    let Ok(target) = std::env::var(TARGET) else { return };
    let proxy = Proxy::start().unwrap();
    let mut link = proxy.link(loopback(0), target.parse().unwrap()).await.unwrap();
    println!("\nport {}", link.address().port());
    for line in stdin().lines() {
        match line.unwrap().as_str() {
            "trouble" => println!("trouble {}", link.trouble().unwrap_or_default()),
            "cut" => {
                link.set(Mode { cut: true, ..Mode::default() }).await.unwrap();
                println!("cut");
            }
            "closed" => println!("closed {}", link.seen().closed),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_thousand_connections() {
    let mut proxy = Apart::start(echo(), None);
    #[cfg(target_os = "linux")]
    let files = proxy.files();
    // Here each takes two files, one for the echo; in the proxy two as well.
    let may = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let count = 1_000.min((may.saturating_sub(200) / 2) as usize);
    if count < 1_000 {
        eprintln!("{count} connections instead of 1000: this process may have only {may} files open");
    }
    let mut streams: Vec<_> = (0..count).map(|_| proxy.client()).collect();
    for stream in &mut streams {
        round_trip(stream, "one of many").unwrap();
    }
    #[cfg(target_os = "linux")]
    assert_eq!(proxy.files() - files, 2 * count, "two sockets each, and nothing else");
    assert_eq!(proxy.ask("trouble"), "");
    proxy.ask("cut");
    for stream in &mut streams {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    let begun = Instant::now();
    while proxy.ask("closed") != count.to_string() {
        assert!(begun.elapsed() < BOUND);
    }
    #[cfg(target_os = "linux")]
    assert!(proxy.files() <= files, "nothing is left open");
}

#[test]
fn more_connections_than_files_are_sent_away_and_named() {
    let mut proxy = Apart::start(echo(), Some(64));
    let mut streams: Vec<_> = (0..100).map(|_| proxy.client()).collect();
    let served = streams.iter_mut().filter_map(|stream| round_trip(stream, "hello").ok()).count();
    assert!((10..32).contains(&served), "{served} of 100 with 64 files");
    let trouble = proxy.ask("trouble");
    assert!(trouble.contains("two file descriptors each") && trouble.contains("ulimit -n"), "{trouble}");
    drop(streams);
    let begun = Instant::now();
    while round_trip(&mut proxy.client(), "room again").is_err() {
        assert!(begun.elapsed() < BOUND, "nobody is let in any more");
    }
}
