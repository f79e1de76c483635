//! The newcomer's first command, with its lines from a pipe: what it shows, and what it leaves behind.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(120);

/// A rehearsal whose screen is read line by line. Dropping it ends it.
struct Rehearsal {
    child: Child,
    screen: mpsc::Receiver<String>,
    seen: String,
}

impl Rehearsal {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lockkeeper"))
            .args(["demo", "--dir"])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, screen) = mpsc::channel();
        let shown = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || shown.lines().map_while(Result::ok).try_for_each(|it| sender.send(it)));
        Self { child, screen, seen: String::new() }
    }

    fn say(&mut self, lines: &str) {
        self.child.stdin.as_mut().unwrap().write_all(lines.as_bytes()).unwrap();
    }

    /// Reads on until a line holds this.
    fn until(&mut self, part: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.screen.recv_timeout(left) else {
                panic!("no line holds “{part}”:\n{}", self.seen)
            };
            self.seen.push_str(&format!("{line}\n"));
            if line.contains(part) {
                return;
            }
        }
    }

    /// Closes the pipe; the rest of the screen, and the code it ends with.
    fn end(mut self) -> (String, Option<i32>) {
        drop(self.child.stdin.take());
        while let Ok(line) = self.screen.recv_timeout(PATIENCE) {
            self.seen.push_str(&format!("{line}\n"));
        }
        (std::mem::take(&mut self.seen), self.child.wait().unwrap().code())
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn fleet(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("fleet.json")).unwrap()).unwrap()
}

/// What a host answers, asked as `curl` would.
fn version(port: &Value) -> Value {
    let mut host = TcpStream::connect(("127.0.0.1", u16::try_from(port.as_u64().unwrap()).unwrap())).unwrap();
    host.write_all(b"GET /version HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n").unwrap();
    let answer = std::io::read_to_string(host).unwrap();
    serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap()
}

#[test]
fn a_reader_is_refused_approves_as_somebody_else_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let started = Instant::now();
    let mut rehearsal = Rehearsal::start(&dir);
    rehearsal.say("!approve\n/as bea\n");
    rehearsal.until("Now you decide");
    assert!(started.elapsed() < PATIENCE, "the question took {:?}", started.elapsed());
    let asked = version(&fleet(&dir)["hosts"][1]["port"]);
    assert_eq!(asked["version"], 1, "production changed before anybody approved");

    rehearsal.until("so you may not approve it");
    rehearsal.say("!approve\n");
    rehearsal.until("What next?");
    let fleet = fleet(&dir);
    for host in fleet["hosts"].as_array().unwrap() {
        assert_eq!(version(&host["port"])["version"], 2, "{host}");
    }

    let (screen, code) = rehearsal.end();
    for part in [
        "ann> !deploy shop canary",
        "✋ May #1 shop to production?",
        "✅ #1 shop to production: approved by bea",
        "✅ Release #1 of shop: done",
        "new: web-1, web-2 and web-3",
        "lockkeeper serve --config",
    ] {
        assert!(screen.contains(part), "“{part}” is missing:\n{screen}");
    }
    assert_eq!(code, Some(0), "{screen}");
    let laid: Vec<_> = fs::read_dir(dir.join("charts")).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(laid.len(), 1, "one picture for one question: {laid:?}");
    assert_eq!(&fs::read(&laid[0]).unwrap()[..8], b"\x89PNG\r\n\x1a\n");
    assert!(screen.contains(&laid[0].display().to_string()), "nobody is told of {laid:?}:\n{screen}");
    let ports = fleet["hosts"].as_array().unwrap().iter().map(|it| &it["port"]).chain([&fleet["port"]]);
    for port in ports {
        let port = u16::try_from(port.as_u64().unwrap()).unwrap();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "somebody still listens on {port}");
    }
}
