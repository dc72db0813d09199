//! The program writes its log and its results where nothing can be written.

use std::{
    fs::{File, OpenOptions},
    path::Path,
    process::{Command, Stdio},
};

use crate::support::{
    Engine,
    process::{House, run, yinku},
    story::story,
};

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// The end of a pipe that nothing reads.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

story!(a_log_that_cannot_be_written_stops_nothing, async |engine: Engine| {
    let house = House::build(engine, None).await;
    for (place, [out, err]) in
        [("a full disk", [full().into(), full().into()]), ("a closed pipe", [closed_pipe(), closed_pipe()])]
    {
        let mut command = house.command();
        let process = command.env("YINKU_LOG__FILTER", "debug").stdout(out).stderr(err).spawn().unwrap();
        let zhang = house.caller("zhang").await;
        for _ in 0..3 {
            zhang.get("/healthz").await.expect(200);
            assert_eq!(zhang.get("/api/flows").await.status, 200, "{place}");
        }
        house.retire(process).await;
    }
});

story!(a_reader_of_the_log_that_has_stopped_stops_nothing, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let (_reader, log) = std::io::pipe().unwrap();
    let mut command = house.command();
    let process = command.env("YINKU_LOG__FILTER", "trace").stderr(log).spawn().unwrap();
    let zhang = house.caller("zhang").await;
    // A pipe holds 64 KiB. A request is logged with more than 1 KiB here.
    for _ in 0..200 {
        zhang.get("/api/flows").await.expect(200);
    }
    house.retire(process).await;
});

#[test]
fn a_demo_whose_output_is_lost_comes_to_its_end() {
    let demo = ["demo", "--photos", "2", "--megapixels", "0.1", "--exit", "--listen", "127.0.0.1:0"];
    for output in [|| Stdio::from(full()), closed_pipe] {
        let dir = tempfile::tempdir().unwrap();
        let status = yinku(dir.path()).args(demo).stdout(output()).stderr(output()).status().unwrap();
        assert!(status.success(), "{status}");
    }
}

#[test]
fn a_command_whose_result_is_lost_fails_without_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    run(yinku(dir.path()).arg("migrate"));
    let commands: [&[&str]; 5] =
        [&["openapi"], &["check-config"], &["audit", "verify"], &["sweep"], &["token", "create", "--user", "admin"]];
    for arguments in commands {
        for output in [|| Stdio::from(full()), closed_pipe] {
            let lost = yinku(dir.path()).args(arguments).stdout(output()).stderr(Stdio::piped()).output().unwrap();
            let told = String::from_utf8(lost.stderr).unwrap();
            assert!(!lost.status.success() && !told.contains("panicked"), "{arguments:?}: {told}");
            // Without any place to report it, the status is the report.
            let silent = yinku(dir.path()).args(arguments).stdout(output()).stderr(output()).status().unwrap();
            assert_eq!(silent.code(), lost.status.code(), "{arguments:?}");
        }
    }
}

#[test]
fn a_log_in_a_file_has_no_colour() {
    let dir = tempfile::tempdir().unwrap();
    let log = |command: &mut Command| {
        let told = command.env("YINKU_LOG__FILTER", "trace").arg("migrate").output().unwrap();
        String::from_utf8(told.stderr).unwrap()
    };
    let in_a_file = log(&mut yinku(dir.path()));
    assert!(in_a_file.contains("TRACE") || in_a_file.contains("DEBUG"), "{in_a_file}");
    assert!(!in_a_file.contains('\x1b'), "{in_a_file}");
    assert!(on_a_terminal(dir.path(), "").contains('\x1b'), "colour on a terminal");
    assert!(!on_a_terminal(dir.path(), "NO_COLOR=1").contains('\x1b'), "NO_COLOR");
}

/// What the program writes to a terminal, which util-linux's `script` makes.
fn on_a_terminal(dir: &Path, setting: &str) -> String {
    let program = env!("CARGO_BIN_EXE_yinku");
    let line = format!("env -u NO_COLOR {setting} YINKU_LOG__FILTER=trace {program} migrate");
    let told = run(Command::new("script").current_dir(dir).args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()));
    String::from_utf8(told.stdout).unwrap()
}
