//! The program itself, as a service manager runs it.

use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::house::{House, PATIENCE};

/// A bot in a process of its own; dropping it kills it, as nothing else does.
pub struct Served {
    pub house: House,
    child: Child,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Served {
    /// On this folder, with whoever runs this test as `me`.
    pub fn start(house: House) -> Self {
        house.write("config/people.yaml", &format!("people:\n  me: {{terminal: [{}]}}\n", user()));
        let child = Self::serve(&house);
        let served = Self { house, child };
        served.answers();
        served
    }

    fn serve(house: &House) -> Child {
        let log = fs::File::options().create(true).append(true).open(house.path("serve.log")).expect("a log");
        let mut command = lockkeeper(house, &["serve"]);
        command.stdout(Stdio::null()).stderr(log).spawn().expect("a bot")
    }

    fn answers(&self) {
        let started = Instant::now();
        while !self.ask(&["executions", "list"]).status.success() {
            assert!(started.elapsed() < PATIENCE, "the bot takes no orders\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn ask(&self, arguments: &[&str]) -> Output {
        lockkeeper(&self.house, arguments).output().expect("it ends")
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.house.path("serve.log")).unwrap_or_default()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// A start on what a killed one left.
    pub fn restart(&mut self) {
        self.child = Self::serve(&self.house);
        self.answers();
    }
}

/// The program on this folder's configuration.
pub fn lockkeeper(house: &House, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockkeeper"));
    command.args(arguments).arg("--config").arg(house.path("config/lockkeeper.yaml")).stdin(Stdio::null());
    command
}

/// Who runs this test.
pub fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("who runs this test");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What a command said, on both streams.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Looks until there is something to see.
pub fn patiently<T>(look: impl Fn() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(seen) = look() {
            return Some(seen);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}
