//! What the program says when something that it needs is missing.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Output, Stdio},
};

use simulator::Simulator;
use yinku::{
    app::App,
    clock::{Clock, Timestamp},
    config::Config,
    id::ServiceId,
    service::Service,
    tls,
};

use crate::support::{process::yinku, until::within, world::small_photos};

fn serve(dir: &Path, database: &str) -> String {
    let mut command = yinku(dir);
    said(&command.arg("serve").env("YINKU_DATABASE__URL", database).output().unwrap())
}

fn said(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// An address where nothing listens.
fn nowhere() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_start_without_its_database_says_why_once_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let address = nowhere();
    let refused = serve(dir.path(), &format!("postgres://app:a-secret@{address}/app"));
    let expected = format!(
        "yinku: no PostgreSQL server answers at {address}: Connection refused (os error 111). Start the server, or correct database.url.\n"
    );
    assert_eq!(refused, expected);

    let server = std::env::var("YINKU_TEST_PG").unwrap();
    let mut missing = url::Url::parse(&server).unwrap();
    missing.set_path("not-here");
    let told = serve(dir.path(), missing.as_str());
    assert!(told.contains("database \"not-here\" does not exist. Create the database"), "{told}");
    let told = serve(dir.path(), &server.replace("app@", "not-a-user@"));
    assert!(told.contains("refuses the login: role \"not-a-user\" does not exist. Correct the user"), "{told}");
    let told = serve(dir.path(), &format!("{server}?sslmode=require"));
    assert!(told.starts_with("yinku: TLS with PostgreSQL") && told.contains("Correct sslmode"), "{told}");

    let told = serve(dir.path(), "sqlite:///proc/not-here/yinku.db");
    assert!(told.starts_with("yinku: cannot open the database file /proc/not-here/yinku.db: "), "{told}");
    assert_eq!(told.matches("unable to open database file").count(), 1, "{told}");
}

/// A server that speaks PostgreSQL and accepts no password. Returns its address.
fn that_accepts_no_password() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || refuse_password(&mut client));
        }
    });
    address
}

/// Reads a message that begins with its length.
fn message(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    client.read_exact(&mut length).ok()?;
    let mut rest = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap().checked_sub(4)?];
    client.read_exact(&mut rest).ok()?;
    Some(rest)
}

fn refuse_password(client: &mut TcpStream) -> Option<()> {
    const TLS: [u8; 4] = 80_877_103_u32.to_be_bytes();
    while message(client)?.starts_with(&TLS) {
        client.write_all(b"N").ok()?;
    }
    // A password in clear is demanded, and it is wrong.
    client.write_all(b"R\0\0\0\x08\0\0\0\x03").ok()?;
    client.read_exact(&mut [0]).ok()?;
    message(client)?;
    let fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user \"app\"\0\0";
    let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
    client.write_all(&[b"E".as_slice(), &length, fields].concat()).ok()
}

#[test]
fn a_wrong_password_of_the_database_is_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let address = that_accepts_no_password();
    let told = serve(dir.path(), &format!("postgres://app:a-secret@{address}/app"));
    let expected = format!(
        "yinku: PostgreSQL at {address} refuses the login: password authentication failed for user \"app\". \
         Correct the user or the password in database.url.\n"
    );
    assert_eq!(told, expected);
}

// The password cannot be printed, so nobody knows it. The service runs, and the command line makes an administrator.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_password_that_cannot_be_printed_leaves_a_way_in() {
    let dir = tempfile::tempdir().unwrap();
    let listen = nowhere();
    let plain = yinku(dir.path());
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", "exec \"$0\" serve 2> /dev/full"]).arg(plain.get_program()).current_dir(dir.path());
    let mut process = command.env("YINKU_LISTEN", &listen).kill_on_drop(true).spawn().unwrap();
    within("it listens", async {
        while tokio::net::TcpStream::connect(&listen).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    let path = dir.path().to_owned();
    let add = move || {
        let mut command = yinku(&path);
        command.args(["user", "add", "root2", "--role", "admin", "--password-stdin"]).stdin(Stdio::piped());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        process.stdin.take().unwrap().write_all(b"seven green umbrellas").unwrap();
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    tokio::task::spawn_blocking(add).await.unwrap();
    tls::choose_provider();
    let login = serde_json::json!({ "username": "root2", "password": "seven green umbrellas" });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let told = client.post(format!("http://{listen}/api/session")).json(&login).send().await.unwrap();
    assert_eq!(told.status(), 200);
    assert_eq!(told.json::<serde_json::Value>().await.unwrap()["roles"], serde_json::json!(["admin"]));
    process.kill().await.unwrap();
}

/// Starts the service and returns the first line of its log that has these words.
fn line_of(dir: &Path, settings: &[(&str, &str)], words: &str) -> String {
    let mut command = yinku(dir);
    command.arg("serve").env("YINKU_LISTEN", "127.0.0.1:0").envs(settings.iter().copied()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
    let found = lines.find(|line| line.contains(words));
    process.kill().unwrap();
    process.wait().unwrap();
    found.unwrap_or_else(|| panic!("it never said {words}"))
}

#[test]
fn a_start_with_a_new_database_over_a_used_store_warns() {
    let dir = tempfile::tempdir().unwrap();
    let lost = dir.path().join("data/store/originals/2026-11");
    std::fs::create_dir_all(&lost).unwrap();
    std::fs::write(lost.join("a.jpg"), "x").unwrap();
    let told = line_of(dir.path(), &[], "the database is new");
    assert!(told.contains("Check `database.url` and `store.url`"), "{told}");
}

#[test]
fn a_start_without_its_store_warns_and_little_space_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", nowhere());
    let store = [
        ("YINKU_STORE__URL", "s3://evidence"),
        ("YINKU_STORE__ENDPOINT", &endpoint),
        ("YINKU_STORE__ALLOW_HTTP", "true"),
        ("YINKU_STORE__ACCESS_KEY_ID", "id"),
        ("YINKU_STORE__SECRET_ACCESS_KEY", "a-secret"),
    ];
    let line = line_of(dir.path(), &store, "the store does not work");
    assert!(line.contains("WARN") && line.contains("s3://evidence") && line.contains("Connection refused"), "{line}");
    let line = line_of(dir.path(), &[("YINKU_DISK__WARN_BELOW", "1000000000GiB")], "little space is left");
    assert!(line.contains("WARN") && line.contains("\"data\""), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_tries_the_database_the_store_and_each_service() {
    let dir = tempfile::tempdir().unwrap();
    let probe = |settings: &[(&str, &str)]| {
        let mut command = yinku(dir.path());
        let output = command.args(["check-config", "--probe"]).envs(settings.iter().copied()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (status, told, _) = probe(&[]);
    assert_eq!(status, Some(0), "{told}");
    assert_eq!(told.matches("does not exist yet; the first start creates it").count(), 2, "{told}");
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none(), "a probe creates nothing");

    let knobs = small_photos();
    let (token, secret) = (knobs.token.clone(), knobs.secret.clone());
    let sim = within("the vendor starts", Simulator::start(knobs, simulator::Clock::system())).await.unwrap();
    let app = App::open(Config::in_dir(&dir.path().join("data")), Clock::System).await.unwrap();
    let mut tx = app.db.begin().await.unwrap();
    for (name, base_url, app_secret) in [
        ("good", sim.url(), secret.as_str()),
        ("wrong", sim.url(), "another"),
        ("away", format!("http://{}", nowhere()), "x"),
    ] {
        let mut service = Service {
            id: ServiceId::new(),
            name: name.into(),
            base_url,
            app_token: token.clone(),
            app_secret: String::new(),
            sign_mode: "legacy".into(),
            created_at: Timestamp(0),
        };
        service.set_secret(&app.secrets, app_secret).unwrap();
        service.insert(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    let (status, told, wrong) = probe(&[]);
    assert_eq!(status, Some(1));
    for line in ["# database: accepts writes", "# store: works", "# service \"good\" at "] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(wrong.contains("service \"wrong\"") && wrong.contains("Check AppToken, AppSecret"), "{wrong}");
    assert!(wrong.contains("service \"away\"") && wrong.contains("Check the address of the service"), "{wrong}");
    let (status, _, wrong) = probe(&[("YINKU_DATABASE__URL", &format!("postgres://a:b@{}/c", nowhere()))]);
    assert_eq!(status, Some(1));
    assert!(wrong.starts_with("database: no PostgreSQL server answers at "), "{wrong}");
}

#[test]
fn a_probe_names_what_is_wrong_with_a_broken_store() {
    let dir = tempfile::tempdir().unwrap();
    let probe = |settings: &[(&str, &str)]| {
        let mut command = yinku(dir.path());
        let output = command.args(["check-config", "--probe"]).envs(settings.iter().copied()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let endpoint = format!("http://{}", nowhere());
    let (status, wrong) = probe(&[
        ("YINKU_STORE__URL", "s3://evidence"),
        ("YINKU_STORE__ENDPOINT", &endpoint),
        ("YINKU_STORE__ALLOW_HTTP", "true"),
        ("YINKU_STORE__ACCESS_KEY_ID", "id"),
        ("YINKU_STORE__SECRET_ACCESS_KEY", "a-secret"),
    ]);
    assert_eq!(status, Some(1), "{wrong}");
    assert!(wrong.starts_with("store: ") && wrong.contains("Connection refused"), "{wrong}");
    assert!(wrong.contains("Check store.endpoint, the bucket and the keys."), "{wrong}");
    assert!(!wrong.contains("a-secret"), "{wrong}");
    // A file lies where the directory should be.
    let path = dir.path().join("not-a-directory");
    std::fs::write(&path, "x").unwrap();
    let (status, wrong) = probe(&[("YINKU_STORE__URL", &format!("file://{}", path.display()))]);
    assert_eq!(status, Some(1), "{wrong}");
    assert!(wrong.starts_with("store: "), "{wrong}");
    assert!(wrong.contains("Check the path, its permissions and the space that is left."), "{wrong}");
}
