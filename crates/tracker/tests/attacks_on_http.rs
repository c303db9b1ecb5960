//! The HTTP side under attack: each attack ends at its limit and is counted, and an honest client beside it is served.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use largesse_tracker::{Config, Engine, Limits, Listen, Tracker};

const QUERY: &str = "info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=-XX0001-bbbbbbbbbbbb&port=6881&left=1";

fn limits() -> Limits {
    Limits {
        request_time: Duration::from_millis(300),
        idle_time: Duration::from_secs(20),
        requests_per_second: 0,
        ..Limits::default()
    }
}

fn start(limits: Limits) -> Tracker {
    let engine = Arc::new(Engine::new(Config { is_listed_only: false, ..Config::default() }));
    let listen = Listen {
        addresses: vec!["127.0.0.1:0".parse().expect("an address")],
        admin: None,
        trusted_proxies: vec!["127.0.0.9".into()],
        proxy_header: "X-Forwarded-For".into(),
        tls: None,
        limits,
    };
    Tracker::start(engine, &listen).expect("a free port")
}

fn counter(tracker: &Tracker, name: &str) -> u64 {
    let all = tracker.engine.counters.all();
    all.iter().find(|(found, _)| *found == name).expect("a counter").1
}

/// Waits until something holds; the time is only there to end a test that fails.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::yield_now();
    }
}

fn connect(tracker: &Tracker) -> TcpStream {
    let stream = TcpStream::connect(tracker.addresses[0]).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time");
    stream
}

/// Connects from another address of the loopback network.
fn connect_from(source: &str, to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let source: SocketAddr = format!("{source}:0").parse().expect("an address");
    socket.bind(&source.into()).expect("a loopback address");
    socket.connect(&to.into()).expect("it listens");
    let stream: TcpStream = socket.into();
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time");
    stream
}

fn get(stream: &mut TcpStream, target: &str) -> String {
    stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: t\r\n\r\n").as_bytes()).expect("it reads");
    answer(stream)
}

/// Reads one answer by its length.
fn answer(stream: &mut TcpStream) -> String {
    let mut found = Vec::new();
    let mut byte = [0];
    while !found.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).expect("an answer"), 1, "{}", String::from_utf8_lossy(&found));
        found.push(byte[0]);
    }
    let head = String::from_utf8(found).expect("a head is text");
    let length = head.split("Content-Length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
    stream.read_exact(&mut body).expect("the whole body");
    head + &String::from_utf8_lossy(&body)
}

fn is_served(tracker: &Tracker) {
    let mut honest = connect_from("127.0.0.77", tracker.addresses[0]);
    assert!(get(&mut honest, &format!("/announce?{QUERY}")).contains("8:intervali"));
}

/// The rest of what the tracker sends, until it closes.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut found = Vec::new();
    match stream.read_to_end(&mut found) {
        Ok(_) => found,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => found,
        Err(error) => panic!("the connection was not closed: {error}"),
    }
}

#[test]
fn a_request_that_drips_in_is_cut_at_its_deadline() {
    let tracker = start(limits());
    let mut slow: Vec<TcpStream> = (0..50).map(|_| connect(&tracker)).collect();
    let started = Instant::now();
    let mut is_open = true;
    while is_open {
        for stream in &mut slow {
            is_open &= stream.write_all(b"G").is_ok();
        }
        is_served(&tracker);
        assert!(started.elapsed() < Duration::from_secs(10), "a drip kept a connection open");
    }
    until("all are counted", || counter(&tracker, "http_slow") == 50);
    let mut quiet = connect(&tracker);
    assert_eq!(rest(&mut quiet), b"", "a connection without any request ends too");
}

#[test]
fn giant_and_broken_heads_are_refused() {
    let tracker = start(limits());
    let long = format!("GET /announce?{} HTTP/1.1\r\n", "x".repeat(20_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(60));
    for (request, status) in [
        (long.as_str(), "431"),
        (many.as_str(), "431"),
        ("\0\x01\x02\r\n\r\n", "400"),
        ("POST /announce HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "405"),
        ("GET /announce HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "405"),
        ("GET /announce HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "400"),
    ] {
        let mut stream = connect(&tracker);
        stream.write_all(request.as_bytes()).expect("it reads");
        let found = String::from_utf8(rest(&mut stream)).expect("text");
        assert!(found.starts_with(&format!("HTTP/1.1 {status} ")), "{request:.40}: {found}");
        is_served(&tracker);
    }
    assert_eq!(counter(&tracker, "http_malformed"), 6);
}

#[test]
fn pipelined_requests_are_all_answered_in_their_order_and_a_sender_that_reads_nothing_is_cut() {
    let tracker = start(limits());
    let mut stream = connect(&tracker);
    let request = |port: u16| {
        let query = QUERY.replace("6881", &port.to_string());
        format!("GET /announce?{query}&numwant=0 HTTP/1.1\r\n\r\n")
    };
    let all: String = (0..500).map(|number| request(5000 + number)).collect();
    let mut writer = stream.try_clone().expect("a second handle");
    let sender = thread::spawn(move || writer.write_all(all.as_bytes()).is_ok());
    for number in 1..=500 {
        assert!(answer(&mut stream).contains(&format!("10:incompletei{number}e")), "{number}");
    }
    assert!(sender.join().expect("it ends"));
    let mut greedy = connect(&tracker);
    greedy.set_write_timeout(Some(Duration::from_millis(50))).expect("a time");
    let flood = "GET /announce HTTP/1.1\r\n\r\n".repeat(4000);
    until("it is cut", || {
        let outcome = greedy.write(flood.as_bytes());
        is_served(&tracker);
        outcome.is_err_and(|error| !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    });
    assert!(counter(&tracker, "http_slow") > 0);
}

#[test]
fn one_address_has_only_so_many_connections_and_requests() {
    let few = Limits { connections_of_one_address: 5, requests_per_second: 3, ..limits() };
    let tracker = start(few);
    let mut own: Vec<TcpStream> = (0..5).map(|_| connect(&tracker)).collect();
    let mut sixth = connect(&tracker);
    assert_eq!(rest(&mut sixth), b"");
    assert_eq!(counter(&tracker, "http_connections_cut"), 1);
    let target = format!("/announce?{QUERY}");
    let refused = (0..200).filter(|_| get(&mut own[0], &target).contains("failure reason")).count();
    assert!((140..=170).contains(&refused), "{refused} of 200 are over 30 in ten seconds");
    assert_eq!(counter(&tracker, "over_limit"), refused as u64);
    let told = get(&mut own[0], &target);
    assert!(told.contains("8:intervali1800e") && told.contains("8:retry ini1e"), "{told}");
    is_served(&tracker);
    drop(own);
    until("the connections left the count", || !rest(&mut connect_and_ask(&tracker)).is_empty());
}

fn connect_and_ask(tracker: &Tracker) -> TcpStream {
    let mut stream = connect(tracker);
    // A connection that is refused may be gone before it could ask.
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    stream
}

/// Where two addresses may take all places there are, and keep them.
fn crowded() -> Tracker {
    let patience = Duration::from_secs(20);
    start(Limits { connections: 8, connections_of_one_address: 4, request_time: patience, ..limits() })
}

#[test]
fn an_honest_address_has_a_place_though_others_have_taken_all() {
    let tracker = crowded();
    let attack = |source: &str| {
        let mut stream = connect_from(source, tracker.addresses[0]);
        // One that is refused may be gone before it could write.
        let _ = stream.write_all(b"GET /announce");
        stream
    };
    let mut held: Vec<TcpStream> = ["127.0.0.21", "127.0.0.22"].repeat(4).into_iter().map(attack).collect();
    until("all places are taken", || counter(&tracker, "http_connections") == 8);
    let mut honest = connect_from("127.0.0.77", tracker.addresses[0]);
    let target = format!("/announce?{QUERY}");
    assert!(get(&mut honest, &target).contains("8:intervali"));
    assert_eq!(counter(&tracker, "http_connections_evicted"), 1);
    let ended: Vec<usize> = (0..8)
        .filter(|number| {
            held[*number].set_nonblocking(true).expect("it can");
            held[*number].read(&mut [0]).map_err(|error| error.kind()) != Err(ErrorKind::WouldBlock)
        })
        .collect();
    assert!(ended == [0] || ended == [1], "the oldest of one of them: {ended:?}");
    for source in ["127.0.0.21", "127.0.0.22"].repeat(10) {
        assert_eq!(rest(&mut attack(source)), b"");
    }
    assert!(get(&mut honest, &target).contains("8:intervali"), "no attacker had the place back");
    assert_eq!(counter(&tracker, "http_connections_cut"), 20);
    assert_eq!(counter(&tracker, "http_connections_evicted"), 1);
}

/// A browser behind the trusted proxy.
fn proxied(tracker: &Tracker, client: &str, peer: char) -> TcpStream {
    let proxy = connect_from("127.0.0.9", tracker.addresses[0]);
    let mut stream = upgraded(proxy, &format!("X-Forwarded-For: {client}\r\n"));
    stream.write_all(&announce(peer, 0)).expect("it reads");
    stream
}

#[test]
fn a_browser_behind_a_proxy_has_one_place_which_is_its_own() {
    let tracker = start(Limits { connections: 4, connections_of_one_address: 2, ..limits() });
    let one_more = |client: &str, peer: char| {
        let mut stream = proxied(&tracker, client, peer);
        let is_in = stream.read(&mut [0; 512]).is_ok_and(|length| length > 0);
        (stream, is_in)
    };
    let all: Vec<_> =
        [("9.9.9.1", 'a'), ("9.9.9.1", 'b'), ("9.9.9.1", 'c'), ("9.9.9.2", 'd'), ("9.9.9.3", 'e')]
            .map(|(client, peer)| one_more(client, peer))
            .into();
    assert_eq!(all.iter().map(|(_, is_in)| *is_in).collect::<Vec<_>>(), [true, true, false, true, true]);
    assert_eq!(counter(&tracker, "http_connections_cut"), 1);
    assert_eq!(counter(&tracker, "http_connections_evicted"), 0);
    drop(all);
    let is_in = |last: u8| {
        let mut stream = connect_from(&format!("127.0.1.{last}"), tracker.addresses[0]);
        let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
        (stream.read(&mut [0; 512]).is_ok_and(|length| length > 0), stream)
    };
    until("all places are free", || [1, 2, 3, 4].map(is_in).iter().all(|(is_in, _)| *is_in));
}

#[test]
fn a_browser_that_gives_its_place_to_another_leaves_its_swarms() {
    let tracker = crowded();
    let mut attackers: Vec<TcpStream> =
        "abcd".chars().map(|peer| proxied(&tracker, "9.9.9.9", peer)).collect();
    let others: Vec<TcpStream> = "xyz".chars().map(|peer| proxied(&tracker, "9.9.9.7", peer)).collect();
    until("all joined", || tracker.engine.totals().3 == 7);
    let last = connect_from("127.0.0.22", tracker.addresses[0]);
    is_served(&tracker);
    assert!(rest(&mut attackers[0]).len() < 1000);
    until("its peer is gone", || tracker.engine.totals().3 == 6);
    let mut honest = proxied(&tracker, "8.8.8.8", 'h');
    until("it joined", || counter(&tracker, "ws_announces") == 8);
    let direct: Vec<TcpStream> = (0..4).map(|_| connect_from("127.0.0.21", tracker.addresses[0])).collect();
    honest.write_all(&announce('h', 0)).expect("it reads");
    until("it is served on", || counter(&tracker, "ws_announces") == 9);
    assert_eq!(counter(&tracker, "worker_panics"), 0);
    drop((direct, last, attackers, others));
    until("only the honest one is left", || tracker.engine.totals().3 == 1);
}

#[test]
fn only_a_trusted_proxy_names_the_client() {
    let tracker = start(limits());
    for (source, told) in [("127.0.0.9", [9, 9, 9, 9]), ("127.0.0.8", [127, 0, 0, 8])] {
        let mut stream = connect_from(source, tracker.addresses[0]);
        let request = format!("GET /announce?{QUERY} HTTP/1.0\r\nX-Forwarded-For: 1.1.1.1, 9.9.9.9\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let found = rest(&mut stream);
        let expected = [b"11:external ip4:".as_slice(), &told].concat();
        assert!(found.windows(expected.len()).any(|part| part == expected), "{source}");
    }
}

fn upgrade(tracker: &Tracker) -> TcpStream {
    upgraded(connect(tracker), "")
}

/// Begins WebSocket on a connection, with more headers.
fn upgraded(mut stream: TcpStream, headers: &str) -> TcpStream {
    let request = format!(
        "GET /announce HTTP/1.1\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n{headers}\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    assert!(answer(&mut stream).contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    stream
}

/// A masked text frame; a mask of zeros changes nothing.
fn frame(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x81, 0xfe];
    bytes.extend_from_slice(&(text.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn announce(peer: char, offers: usize) -> Vec<u8> {
    let offer =
        format!("{{\"offer_id\":\"o\",\"offer\":{{\"type\":\"offer\",\"sdp\":\"{}\"}}}}", "v".repeat(2000));
    frame(&format!(
        "{{\"action\":\"announce\",\"info_hash\":\"{}\",\"peer_id\":\"{}\",\"left\":1,\"offers\":[{}]}}",
        "a".repeat(20),
        peer.to_string().repeat(20),
        vec![offer; offers].join(",")
    ))
}

#[test]
fn frame_bombs_end_their_own_connection() {
    let tracker = start(Limits { message_bytes: 10_000, ..limits() });
    let bombs: [(&[u8], u16); 4] = [
        (&[0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 1009),
        (&[0x81, 0x05, 0, 0, 0, 0, 0], 1002),
        (&[0xf1, 0x85], 1002),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
    ];
    for (bomb, code) in bombs {
        let mut stream = upgrade(&tracker);
        stream.write_all(bomb).expect("it reads");
        let found = rest(&mut stream);
        assert_eq!(found, [&[0x88, 2], &code.to_be_bytes()[..]].concat());
        is_served(&tracker);
    }
    let mut stream = upgrade(&tracker);
    let mut part = frame(&"x".repeat(5000));
    part[0] = 0x01;
    stream.write_all(&part).expect("it reads");
    part[0] = 0x00;
    // The connection may be gone before the last parts are written.
    let _ = (0..5).try_for_each(|_| stream.write_all(&part));
    let found = rest(&mut stream);
    assert!(found.is_empty() || found == [0x88, 2, 0x03, 0xf1], "a message in endless parts: {found:?}");
    until("all are counted", || counter(&tracker, "ws_connections_cut") == 5);
}

#[test]
fn a_message_that_drips_in_is_cut_at_its_deadline() {
    let tracker = start(limits());
    let message = announce('d', 0);
    let mut slow = upgrade(&tracker);
    let mut fragments = upgrade(&tracker);
    let mut honest = upgrade(&tracker);
    slow.write_all(&message[..20]).expect("it reads");
    fragments.write_all(&[0x01, 0x81, 0, 0, 0, 0, b'x']).expect("it reads");
    until("both are cut, whatever else they send", || {
        // Signs of life do not make a message whole; either end may be gone by now.
        let _ = slow.write_all(&message[20..21]);
        let _ = fragments.write_all(&[0x89, 0x80, 0, 0, 0, 0]);
        thread::sleep(Duration::from_millis(20));
        counter(&tracker, "ws_connections_cut") == 2
    });
    assert_eq!(counter(&tracker, "http_slow"), 2);
    honest.write_all(&message).expect("who waited between two messages is served");
    assert_eq!(honest.read(&mut [0; 2]).expect("an answer"), 2);
}

#[test]
fn parts_of_messages_fill_no_more_memory_than_all_together_may() {
    let held_bytes = 1 << 20;
    let tracker =
        start(Limits { held_bytes, connections: 100, request_time: Duration::from_secs(60), ..limits() });
    let part = &frame(&"x".repeat(60_000))[..50_000];
    let mut hoarders: Vec<TcpStream> = (0..40).map(|_| upgrade(&tracker)).collect();
    for hoarder in &mut hoarders {
        // Whoever comes too late may be cut before everything is written.
        let _ = hoarder.write_all(part);
    }
    until("those beyond it are cut", || counter(&tracker, "ws_connections_cut") >= 20);
    is_served(&tracker);
    let mut honest = upgrade(&tracker);
    honest.write_all(&announce('h', 0)).expect("it reads");
    assert_eq!(honest.read(&mut [0; 2]).expect("an answer"), 2);
    assert!(counter(&tracker, "ws_connections_cut") < 40, "those within it are not cut");
}

#[test]
fn an_offer_flood_drops_offers_for_a_slow_reader_and_leaves_the_others_alone() {
    let tracker = start(Limits { messages_per_second: 0, ..limits() });
    let mut deaf = upgrade(&tracker);
    deaf.write_all(&announce('d', 0)).expect("it reads");
    let mut flood = upgrade(&tracker);
    let mut reader = flood.try_clone().expect("a second handle");
    let drain = thread::spawn(move || rest(&mut reader).len());
    let message = announce('f', 30);
    until("offers are dropped or the deaf peer is cut", || {
        flood.write_all(&message).expect("the flood itself goes on");
        is_served(&tracker);
        counter(&tracker, "ws_offers_dropped") + counter(&tracker, "ws_connections_cut") > 0
    });
    until("the deaf peer is cut in the end", || counter(&tracker, "ws_connections_cut") == 1);
    until("and has left the swarm", || tracker.engine.totals().3 == 1);
    drop(deaf);
    flood.shutdown(std::net::Shutdown::Both).expect("open until now");
    assert!(drain.join().expect("it ends") > 0);
}

#[test]
fn a_socket_that_sends_too_many_messages_waits() {
    let tracker = start(Limits { messages_per_second: 20, ..limits() });
    let mut busy = upgrade(&tracker);
    let message = announce('b', 0);
    for _ in 0..150 {
        busy.write_all(&message).expect("the kernel holds it");
    }
    until("the burst is answered", || counter(&tracker, "ws_announces") >= 100);
    until("the rest waits", || counter(&tracker, "ws_throttled") > 0);
    is_served(&tracker);
    assert!(counter(&tracker, "ws_announces") < 150, "a hundred at once, then twenty a second");
}

#[test]
fn a_silent_browser_is_asked_and_then_forgotten() {
    let tracker = start(Limits { ping_time: Duration::from_millis(100), ..limits() });
    let mut silent = upgrade(&tracker);
    silent.write_all(&announce('s', 0)).expect("it reads");
    until("it joined", || tracker.engine.totals().3 == 1);
    let told = rest(&mut silent);
    assert!(told.ends_with(&[0x89, 0]), "it was asked with a ping");
    until("it left", || tracker.engine.totals().3 == 0);
}
