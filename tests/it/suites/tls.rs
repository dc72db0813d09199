//! TLS to everything that the service calls: a vendor, a bucket, PostgreSQL. Each server shows the certificate of an
//! authority that only these tests know, as companies have one of their own.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    process::Command,
};
use tokio_rustls::TlsAcceptor;
use yinku::{
    config::{DatabaseConfig, DatabaseUrl, StoreUrl},
    db::{Db, sql},
};

use crate::support::{
    Engine,
    bucket::{endpoint, new_bucket},
    database::database,
    process::{House, yinku},
    story,
    world::small_photos,
};

/// What a client of PostgreSQL sends first, and the server's answer: from here on TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A certificate authority of the test's own, in a file, and a server's certificate by it.
struct Authority {
    file: PathBuf,
    acceptor: TlsAcceptor,
}

impl Authority {
    fn new(dir: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let file = dir.join(name);
        std::fs::write(&file, issuer.pem()).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth().with_single_cert(vec![server.der().clone()], key).unwrap();
        Self { file, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    /// Speaks TLS in front of a server that does not. Returns its port.
    async fn before(&self, server: SocketAddr, postgres: bool) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = self.acceptor.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass_on(stream, acceptor.clone(), server, postgres));
            }
        });
        port
    }
}

async fn pass_on(
    mut client: TcpStream,
    acceptor: TlsAcceptor,
    server: SocketAddr,
    postgres: bool,
) -> std::io::Result<()> {
    if postgres {
        let mut first = [0; 8];
        client.read_exact(&mut first).await?;
        assert_eq!(first, SSL_REQUEST, "the client asks for TLS before anything else");
        client.write_all(b"S").await?;
    }
    let mut client = acceptor.accept(client).await?;
    copy_bidirectional(&mut client, &mut TcpStream::connect(server).await?).await?;
    Ok(())
}

fn address(url: &str) -> SocketAddr {
    url.parse::<url::Url>().unwrap().socket_addrs(|| Some(5432)).unwrap()[0]
}

/// The vendor's address as a service is made with it, and what its check says.
async fn check(house: &House, authority: &Path, port: u16) -> Value {
    let mut serving = house.command();
    serving.env("SSL_CERT_FILE", authority);
    let mut serving = serving.spawn().unwrap();
    let admin = house.caller("admin").await;
    let knobs = small_photos();
    let service = json!({
        "name": "https", "baseUrl": format!("https://localhost:{port}"),
        "appToken": knobs.token, "appSecret": knobs.secret,
    });
    let made = admin.post("/api/services", &service).await.expect(201);
    let path = format!("/api/services/{}/check", made["id"].as_str().unwrap());
    let checked = admin.post(&path, &json!({})).await.expect(200);
    serving.kill().await.unwrap();
    checked
}

story!(a_vendor_is_trusted_by_the_authorities_of_the_system_alone, async |engine: Engine| {
    let house = House::build(engine, None).await;
    let dir = tempfile::tempdir().unwrap();
    let (known, unknown) = (Authority::new(dir.path(), "known.pem"), Authority::new(dir.path(), "unknown.pem"));
    let port = known.before(address(&house.sim.url()), false).await;
    let checked = check(&house, &known.file, port).await;
    assert_eq!(checked["ok"], true, "{checked}");
    let checked = check(&house, &unknown.file, port).await;
    assert_eq!(checked["ok"], false, "{checked}");
});

async fn sweep(dir: &Path, authority: &Path, port: u16, bucket: &str) -> Output {
    let mut command = Command::from(yinku(dir));
    command.arg("sweep").stdin(Stdio::null()).env("SSL_CERT_FILE", authority);
    command.env("YINKU_STORE__URL", format!("s3://{bucket}")).env("YINKU_STORE__ACCESS_KEY_ID", "test");
    command.env("YINKU_STORE__SECRET_ACCESS_KEY", "test");
    command.env("YINKU_STORE__ENDPOINT", format!("https://localhost:{port}")).output().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_trusted_by_the_authorities_of_the_system_alone() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Command::from(yinku(dir.path())).arg("migrate").status().await.unwrap().success());
    let StoreUrl::S3 { bucket, .. } = new_bucket().await.url else { unreachable!() };
    let (known, unknown) = (Authority::new(dir.path(), "known.pem"), Authority::new(dir.path(), "unknown.pem"));
    let port = known.before(address(&endpoint()), false).await;
    let looked = sweep(dir.path(), &known.file, port, &bucket).await;
    assert_eq!(looked.status.code(), Some(0), "{}", String::from_utf8_lossy(&looked.stderr));
    let refused = sweep(dir.path(), &unknown.file, port, &bucket).await;
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("ertificate"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_trusted_by_the_authority_of_its_url() {
    let dir = tempfile::tempdir().unwrap();
    let DatabaseUrl::Postgres(mut url) = database(Engine::Postgres, dir.path()).await else { unreachable!() };
    let (known, unknown) = (Authority::new(dir.path(), "known.pem"), Authority::new(dir.path(), "unknown.pem"));
    let port = known.before(address(url.as_str()), true).await;
    url.set_port(Some(port)).unwrap();
    url.set_host(Some("localhost")).unwrap();
    let open = async |mode: &str, authority: &Path| {
        let mut url = url.clone();
        url.query_pairs_mut().append_pair("sslmode", mode).append_pair("sslrootcert", authority.to_str().unwrap());
        Db::open(&DatabaseConfig { url: DatabaseUrl::Postgres(url), max_connections: 1 }).await
    };
    for mode in ["require", "verify-ca", "verify-full"] {
        let db = open(mode, &known.file).await.unwrap();
        assert_eq!(sql("SELECT 1").scalar::<i32>(&db).await.unwrap(), 1);
        db.close().await;
    }
    let refused = open("verify-full", &unknown.file).await.unwrap_err().to_string();
    assert!(refused.contains("ertificate"), "{refused}");
}
