//! TLS on the tracker's own port: beside plain HTTP, with a certificate that is changed while the tracker runs.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use largesse_tracker::{Config, Engine, Limits, Listen, TlsFiles, Tracker};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Writes a fresh certificate and returns it.
fn certify(files: &TlsFiles) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["tracker.test".to_owned()]).expect("a certificate");
    fs::write(&files.key, made.signing_key.serialize_pem()).expect("a folder");
    fs::write(&files.certificate, made.cert.pem()).expect("a folder");
    made.cert.der().clone()
}

/// Asks over TLS, trusting one certificate only.
fn ask(to: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("tracker.test").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut stream = StreamOwned::new(client, TcpStream::connect(to)?);
    stream.write_all(b"GET /announce HTTP/1.1\r\nConnection: close\r\n\r\n")?;
    let mut found = String::new();
    stream.read_to_string(&mut found)?;
    Ok(found)
}

fn start(files: &TlsFiles) -> std::io::Result<Tracker> {
    let listen = Listen {
        addresses: vec!["127.0.0.1:0".parse().expect("an address")],
        admin: None,
        trusted_proxies: Vec::new(),
        proxy_header: "X-Forwarded-For".into(),
        tls: Some(files.clone()),
        limits: Limits { request_time: Duration::from_millis(500), ..Limits::default() },
    };
    Tracker::start(Arc::new(Engine::new(Config::default())), &listen)
}

fn in_folder(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") }
}

#[test]
fn a_changed_certificate_is_used_without_a_restart_and_a_broken_one_is_not() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let files = in_folder(&folder);
    let fault = start(&files).map(|_| ()).expect_err("there is no certificate yet");
    assert!(fault.to_string().contains("certificate.pem"), "{fault}");
    let first = certify(&files);
    let tracker = start(&files).expect("a free port");
    let address = tracker.addresses[0];
    assert!(ask(address, &first).expect("TLS").contains("info_hash must be given"));
    let mut plain = TcpStream::connect(address).expect("it listens");
    plain.write_all(b"GET /announce HTTP/1.0\r\n\r\n").expect("it reads");
    let mut found = String::new();
    plain.read_to_string(&mut found).expect("plain HTTP on the same port");
    assert!(found.contains("info_hash must be given"));

    let reloads = || tracker.engine.counters.tls_reloads.load(std::sync::atomic::Ordering::Relaxed);
    let failures = || tracker.engine.counters.tls_reload_failures.load(std::sync::atomic::Ordering::Relaxed);
    let second = certify(&files);
    until(|| reloads() > 0 && ask(address, &second).is_ok());
    assert!(ask(address, &first).is_err(), "the former certificate is no longer shown");

    fs::write(&files.certificate, "half a certif").expect("a folder");
    until(|| failures() > 0);
    assert!(ask(address, &second).is_ok(), "the last good certificate stays");

    let mut silent = TcpStream::connect(address).expect("it listens");
    silent.write_all(&[22, 3, 1]).expect("it reads");
    let mut told = Vec::new();
    // A handshake that never goes on is cut at its deadline, with or without a word.
    let _ = silent.read_to_end(&mut told);
    until(|| tracker.engine.counters.tls_failures.load(std::sync::atomic::Ordering::Relaxed) > 0);
    fs::remove_dir_all(&folder).expect("our own folder");
}

fn until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !holds() {
        assert!(Instant::now() < deadline, "it never came to hold");
        thread::yield_now();
    }
}
