use super::{load::settings, *};

fn load(toml: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("yinku.toml");
    std::fs::write(&path, toml).unwrap();
    Config::load(Some(&path), env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn refusal(toml: &str, env: &[(&str, &str)]) -> String {
    load(toml, env).unwrap_err().to_string()
}

#[test]
fn no_file_and_no_variables_are_the_defaults() {
    let config = Config::load(None, std::iter::empty()).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(config.database.url, DatabaseUrl::Sqlite("./data/yinku.db".into()));
    assert_eq!(config.store.url, StoreUrl::Local("./data/store".into()));
}

#[test]
fn the_example_file_shows_every_setting_with_its_default() {
    let example = include_str!("../../yinku.example.toml");
    assert_eq!(load(example, &[]).unwrap(), Config::default());

    // Settings without a default stand there as `#name = value`.
    let all: Vec<&str> =
        example.lines().map(|l| l.strip_prefix('#').filter(|l| !l.starts_with(' ')).unwrap_or(l)).collect();
    let table: toml::Table = all.join("\n").parse().unwrap();
    let mut shown = Vec::new();
    for (key, value) in table {
        match value {
            toml::Value::Table(section) => shown.extend(section.keys().map(|name| format!("{key}.{name}"))),
            _ => shown.push(key),
        }
    }
    let mut known: Vec<String> = settings().into_iter().map(|(setting, _)| setting).collect();
    shown.sort();
    known.sort();
    assert_eq!(shown, known);
}

#[test]
fn variables_override_the_file_each_in_plain_text() {
    let file = "data_dir = '/srv/印库'\n[ingest]\nphotos_in_flight = 4\nper_service = 2\n[jobs]\nlease = '10s'";
    let env = [
        ("YINKU_LISTEN", "0.0.0.0:9000"),
        ("YINKU_INGEST__PHOTOS_IN_FLIGHT", "32"),
        ("YINKU_INGEST__RETRIES", r#"["2s","4s"]"#),
        ("YINKU_JOBS__RETRIES", r#"["3s","1d"]"#),
        ("YINKU_JOBS__LONGEST_WAIT", "1h30m"),
        ("YINKU_CALLBACK__MAX_BODY", "1MiB"),
        ("YINKU_CALLBACK__INLINE_BODY", "1000"),
        ("YINKU_CALLBACK__ALLOW_FROM", r#"["10.0.0.0/8"]"#),
        ("YINKU_CALLBACK__SECRET", "12345"),
        ("YINKU_STORE__ALLOW_HTTP", "true"),
        ("YINKU_LOG__FORMAT", "json"),
        ("YINKU_TEST_PG", "nothing of ours"),
        ("YINKU_KILL_AT", "nothing of ours"),
        ("PATH", "/bin"),
    ];
    let config = load(file, &env).unwrap();
    assert_eq!(config.public_url.as_str(), "http://127.0.0.1:9000/");
    assert_eq!((config.ingest.photos_in_flight, config.ingest.per_service), (32, 2));
    assert_eq!(config.ingest.retries, [Span::secs(2), Span::secs(4)]);
    assert_eq!(config.jobs.retries, [Span::secs(3), Span::hours(24)]);
    assert_eq!(config.jobs.longest_wait, Span::mins(90));
    assert_eq!((config.callback.max_body, config.callback.inline_body), (ByteSize::mib(1), ByteSize(1000)));
    assert_eq!(config.callback.allow_from.len(), 1);
    assert_eq!(config.callback.secret.as_ref().map(Secret::expose), Some("12345"));
    assert!(config.store.allow_http);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.jobs.lease, Span::secs(10));
    assert_eq!(config.store.url, StoreUrl::Local("/srv/印库/store".into()));
}

#[test]
fn unknown_names_are_refused_and_the_nearest_is_named() {
    assert!(refusal("[ingest]\nphotos_in_fligth = 3", &[]).contains("photos_in_fligth"));
    let message = refusal("", &[("YINKU_DATABASE_URL", "sqlite://x")]);
    assert_eq!(message, "there is no setting for the variable YINKU_DATABASE_URL: did you mean YINKU_DATABASE__URL?");
}

#[test]
fn a_value_that_cannot_be_read_is_refused_by_name() {
    for (name, value, says) in [
        ("YINKU_JOBS__LEASE", "3", "(setting jobs.lease): `3` is not a duration"),
        ("YINKU_JOBS__WORKERS", "many", "(setting jobs.workers): invalid type"),
        ("YINKU_INGEST__RETRIES", "2s", "write a TOML list"),
        ("YINKU_INGEST__MAX_PHOTO_BYTES", "64XiB", "(setting ingest.max_photo_bytes): not a size"),
        ("YINKU_DATABASE__URL", "mysql://x", "write `sqlite://<path>` or `postgres://"),
        ("YINKU_STORE__URL", "s3://", "write `file://<path>` or `s3://<bucket>/<prefix>`"),
    ] {
        let message = refusal("", &[(name, value)]);
        assert!(message.starts_with(name) && message.contains(says), "{message}");
    }
    assert!(refusal("[jobs]\nlease = 'soon'", &[]).contains("line 2"));
}

#[test]
fn settings_that_contradict_each_other_are_all_named_at_once() {
    let message = refusal(
        "public_url = 'ftp://x'
         [store]\nurl = 's3://bucket'\nendpoint = 'http://minio:9000'\naccess_key_id = 'a'
         [clients]\nconnections = 0\nper_address = 9\nhead_timeout = '0s'\nbody_rate = 0\nbody_wait = '19s'\nread_timeout = '0s'
         [callback]\nsecret = 'a/b'\ninline_body = '65MiB'
         [ingest]\nper_service = 17\nmax_photo_bytes = '1GiB'\nmax_pixels = 1000000000\nrechecks = ['2h', '1h']\nretries = ['300ms']
         [upload]\nmax_file_bytes = 0\nin_flight = 0
         [thumbnail]\nsizes = [1280, 256]
         [jobs]\nretries = ['500ms', '1m']\nlongest_wait = '100ms'
         [vendor]\nread_timeout = '1h'
         [log]\nfilter = 'a=b=c'",
        &[],
    );
    let named: Vec<&str> = message.lines().filter_map(|line| Some(line.split_once(": ")?.0)).collect();
    let expected = [
        "public_url",
        "store.secret_access_key",
        "store.endpoint",
        "clients.connections",
        "clients.per_address",
        "clients.head_timeout",
        "clients.body_rate",
        "clients.read_timeout",
        "callback.secret",
        "callback.inline_body",
        "ingest.per_service",
        "ingest.bytes_in_flight",
        "ingest.decode_bytes_in_flight",
        "ingest.retries",
        "ingest.rechecks",
        "upload.max_file_bytes",
        "upload.in_flight",
        "upload.idle_timeout",
        "thumbnail.sizes",
        "jobs.retries",
        "jobs.longest_wait",
        "jobs.longest_wait",
        "vendor.read_timeout",
        "log.filter",
    ];
    assert_eq!(named, expected, "{message}");
}

#[test]
fn nginx_sends_files_only_from_a_directory_and_to_clients_behind_it() {
    let with = |rest: &str| refusal(&format!("{rest}[store]\nx_accel_redirect = 'store'\nurl = 's3://bucket'"), &[]);
    let named = |message: &str| message.matches("store.x_accel_redirect: ").count();
    assert_eq!(named(&with("")), 3, "{}", with(""));
    assert_eq!(named(&with("trusted_proxies = ['127.0.0.1/32']\n")), 2);
    let right = "trusted_proxies = ['127.0.0.1/32']\n[store]\nx_accel_redirect = '/yinku-store/'";
    assert_eq!(load(right, &[]).unwrap().store.x_accel_redirect.as_deref(), Some("/yinku-store/"));
}

#[test]
fn shown_settings_can_be_loaded_again() {
    let file = "[ingest]\nmax_photo_bytes = '1.5KiB'\npoll_open = '1d'\nretries = ['90s', '36h']\n[vendor]\nmax_zip_bytes = 1000001";
    let config = load(file, &[]).unwrap();
    assert_eq!(load(&config.to_shown_toml(), &[]).unwrap(), config);
}

#[test]
fn no_secret_is_shown() {
    let config = load(
        "database.url = 'postgres://app:hush1@db/yinku?password=hush2&sslmode=require'
         admin.password = 'hush3 of seven umbrellas'
         callback.secret = 'hush4'
         store = { url = 's3://bucket/印库/', access_key_id = 'AKID', secret_access_key = 'hush5' }",
        &[],
    )
    .unwrap();
    for shown in
        [config.to_shown_toml(), format!("{config:?}"), format!("{config:#?}"), config.database.url.to_string()]
    {
        assert!(!shown.contains("hush"), "{shown}");
    }
    let shown = config.to_shown_toml();
    assert!(shown.contains("postgres://app:hidden@db/yinku?sslmode=require"), "{shown}");
    assert!(shown.contains("s3://bucket/印库\""), "{shown}");
}
