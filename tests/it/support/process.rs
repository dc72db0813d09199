//! The real program: run to its end, as a demonstration, or as a service that may be killed.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

pub(crate) use self::house::House;

mod house;

pub(crate) fn yinku(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yinku"));
    command.current_dir(dir).env("YINKU_LOG__FILTER", "warn");
    command
}

/// Runs it to its end, which must be a good one.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A running demonstration; it ends with its owner.
pub(crate) struct Demo {
    process: Child,
    told: Vec<String>,
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Demo {
    /// Started; its flow is archived.
    pub(crate) fn start(dir: &Path) -> Self {
        let mut command = yinku(dir);
        command.env_remove("YINKU_LOG__FILTER").args([
            "demo",
            "--photos",
            "3",
            "--megapixels",
            "0.1",
            "--data",
            "demo",
        ]);
        let mut process = command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut demo = Self { process, told: Vec::new() };
        for line in lines {
            demo.told.push(line.unwrap());
            if demo.told.last().is_some_and(|line| line.starts_with("Ctrl-C")) {
                return demo;
            }
        }
        panic!("the demonstration ended: {}", demo.told.join("\n"))
    }

    /// What its output says after `words`.
    pub(crate) fn address(&self, words: &str) -> &str {
        let after = self.told.iter().find_map(|line| line.split_once(words)).unwrap().1.trim();
        after.split([' ', ',']).next().unwrap()
    }
}
