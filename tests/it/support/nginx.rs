//! A real nginx before the service of a world, with the settings of docs/nginx.conf.

use std::{fs, path::Path, process::Stdio};

use tokio::process::{Child, Command};
use url::Url;
use yinku::config::{Config, StoreUrl};

use crate::support::World;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub(crate) struct Nginx {
    pub(crate) base: Url,
    _process: Child,
    _dir: tempfile::TempDir,
}

/// nginx sends the files. It comes from an address of its own, so that other callers are no clients behind it.
pub(crate) fn files_by_nginx(config: &mut Config) {
    config.trusted_proxies = vec!["127.0.0.2/32".parse().unwrap()];
    config.store.x_accel_redirect = Some("/yinku-store/".to_owned());
}

fn program() -> String {
    let unpacked = format!("{ROOT}/target/tools/nginx/usr/sbin/nginx");
    // Without an installed one, `scripts/setup test` unpacks it.
    if Path::new(&unpacked).exists() { unpacked } else { "nginx".to_owned() }
}

impl Nginx {
    pub(crate) async fn start(world: &World) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let StoreUrl::Local(store) = &world.app.config.store.url else { panic!("a directory") };
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut text = fs::read_to_string(format!("{ROOT}/docs/nginx.conf")).unwrap();
        let place = dir.path().display();
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {place}/{name};"))
            .join(" ");
        for (documented, here) in [
            ("user yinku;", format!("daemon off; master_process off; pid {place}/pid;")),
            ("http {", format!("http {{ access_log off; {paths}")),
            ("127.0.0.1:8080", world.app.config.listen.to_string()),
            ("listen 80;", format!("listen {address};")),
            ("proxy_http_version 1.1;", "proxy_http_version 1.1; proxy_bind 127.0.0.2;".to_owned()),
            ("/var/lib/yinku/store/", format!("{}/", store.display())),
        ] {
            assert_eq!(text.matches(documented).count(), 1, "{documented}");
            text = text.replace(documented, &here);
        }
        let settings = dir.path().join("nginx.conf");
        fs::write(&settings, text).unwrap();
        let mut command = Command::new(program());
        command.arg("-p").arg(dir.path()).arg("-e").arg(dir.path().join("errors")).arg("-c").arg(&settings);
        let process = command.kill_on_drop(true).stdin(Stdio::null()).spawn().expect("nginx: run `scripts/setup test`");
        world.until("nginx listens", async || tokio::net::TcpStream::connect(address).await.is_ok()).await;
        Self { base: format!("http://{address}/").parse().unwrap(), _process: process, _dir: dir }
    }
}
