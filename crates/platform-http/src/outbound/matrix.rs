//! Where nobody may make us go, by every way that there is: written in the URL, behind a name, behind a name
//! beside a good address, behind a name that changes its mind, behind a redirect, through a proxy.
//!
//! What is refused is refused at creation (`vet`) and at the call (`post`), and nothing connects meanwhile.

use super::{Guard, Lookup, OutboundClient, OutboundError, OutboundPost, RefusedUrl};
use bytes::Bytes;
use std::net::IpAddr;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::{Host, Url};

const PUBLIC: &str = "93.184.216.34";

/// Loopback and private networks: what the local stack may talk to, and nobody else.
const PRIVATE: [&str; 18] = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "::1",
    "fc00::1",
    "fdff:ffff::1",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::ffff:172.16.0.1",
    "::ffff:192.168.1.1",
    "::ffff:100.64.0.1",
];

/// Where no receiver is, wherever we run: metadata services, link-local, unspecified, multicast, reserved and
/// documentation addresses, and IPv6 addresses that carry an IPv4 address in some other way than mapped.
const RESERVED: [&str; 36] = [
    "0.0.0.0",
    "0.255.255.255",
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::ffff:0.0.0.0",
    "::ffff:169.254.169.254",
    "::ffff:224.0.0.1",
    "::127.0.0.1",
    "::10.0.0.1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::10.0.0.1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001::1",
    "2001:db8::1",
    "100::1",
];

/// Spellings of a host that mean one of those addresses.
const SPELLINGS: [&str; 16] = [
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.1",
    "127.0.1",
    "127.0.0.1.",
    "%31%32%37.0.0.1",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "0",
    "[::ffff:7f00:1]",
];

/// A client whose resolver answers as it is told: with the next of some answers, and then with the last again.
struct Hostile {
    client: OutboundClient,
    answers: Arc<Mutex<Vec<Vec<IpAddr>>>>,
    asked: Arc<AtomicUsize>,
}

impl Hostile {
    fn new(local: bool, answers: &[&[&str]]) -> Self {
        let (told, asked) = (Arc::<Mutex<Vec<Vec<IpAddr>>>>::default(), Arc::<AtomicUsize>::default());
        let (script, count) = (told.clone(), asked.clone());
        let lookup: Lookup = Arc::new(move |_| {
            let script = script.lock().unwrap();
            let answer = script[count.fetch_add(1, Ordering::Relaxed).min(script.len() - 1)].clone();
            Box::pin(async move { Ok(answer) })
        });
        let guard = Guard { allow_private_networks: local };
        let client = OutboundClient::with_lookup(guard, "test", lookup).unwrap();
        let hostile = Self { client, answers: told, asked };
        hostile.answer(answers);
        hostile
    }

    /// Answers so from now on.
    fn answer(&self, answers: &[&[&str]]) {
        let addresses = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        *self.answers.lock().unwrap() = answers.iter().map(addresses).collect();
        self.asked.store(0, Ordering::Relaxed);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn post(url: Url) -> OutboundPost {
    let body = Bytes::from_static(b"{}");
    OutboundPost { url, headers: Vec::new(), body, budget: Duration::from_secs(2), keep: 16 }
}

/// Both ways refuse it.
async fn assert_refused(client: &OutboundClient, url: &str, case: &str) {
    let url: Url = url.parse().unwrap_or_else(|error| panic!("{case}: {error}"));
    assert!(matches!(client.vet(&url).await, Err(RefusedUrl::Address)), "{case} at creation");
    let posted = client.post(post(url)).await;
    assert!(
        matches!(posted, Err(OutboundError::Refused(RefusedUrl::Address))),
        "{case} at the call: {posted:?}"
    );
}

fn literal(address: &str) -> String {
    match address.parse().unwrap() {
        IpAddr::V4(address) => format!("https://{address}/hook"),
        IpAddr::V6(address) => format!("https://{}/hook", Host::<String>::Ipv6(address)),
    }
}

#[tokio::test]
async fn an_address_inside_is_refused_whether_it_is_written_or_resolved() {
    let named = "https://hooks.example.com/hook";
    for (local, addresses) in [(false, [&PRIVATE[..], &RESERVED].concat()), (true, RESERVED.to_vec())] {
        let hostile = Hostile::new(local, &[&[PUBLIC]]);
        for address in addresses {
            hostile.answer(&[&[PUBLIC]]);
            assert_refused(&hostile.client, &literal(address), address).await;
            hostile.answer(&[&[address]]);
            assert_refused(&hostile.client, named, address).await;
            hostile.answer(&[&[PUBLIC, address]]);
            assert_refused(&hostile.client, named, &format!("{address} behind a good address")).await;
        }
    }
}

#[tokio::test]
async fn every_spelling_of_an_address_is_that_address() {
    let hostile = Hostile::new(false, &[&[PUBLIC]]);
    for host in SPELLINGS {
        assert_refused(&hostile.client, &format!("https://{host}/hook"), host).await;
    }
    // These are no hosts at all.
    for host in ["[fe80::1%25eth0]", "[::1", "1.2.3.4.5", "256.0.0.1", "0x100000000"] {
        assert!(format!("https://{host}/hook").parse::<Url>().is_err(), "{host}");
    }
}

#[tokio::test]
async fn a_name_that_is_good_at_creation_and_leads_inside_later_is_refused_then() {
    let hostile = Hostile::new(false, &[&[PUBLIC]]);
    for address in PRIVATE.into_iter().chain(RESERVED) {
        hostile.answer(&[&[PUBLIC], &[address]]);
        let url: Url = "https://rebinding.example.com/hook".parse().unwrap();
        assert_eq!(hostile.client.vet(&url).await, Ok(()));
        let posted = hostile.client.post(post(url)).await;
        assert!(matches!(posted, Err(OutboundError::Refused(RefusedUrl::Address))), "{address}: {posted:?}");
        assert_eq!(hostile.asked(), 2, "the call asks once, and goes where that answer says");
    }
}

#[tokio::test]
async fn names_ports_schemes_and_users_are_refused_before_anybody_is_asked() {
    let hostile = Hostile::new(false, &[&[PUBLIC]]);
    for (url, refusal) in [
        ("https://localhost/", RefusedUrl::LocalName),
        ("https://localhost./", RefusedUrl::LocalName),
        ("https://a.LOCALHOST/", RefusedUrl::LocalName),
        ("https://metadata.google.internal/", RefusedUrl::LocalName),
        ("https://webhook-dispatcher/", RefusedUrl::LocalName),
        ("https://gateway.leadwire.svc.cluster.local/", RefusedUrl::LocalName),
        ("https://good.example@evil.example/", RefusedUrl::UserInfo),
        ("https://:secret@evil.example/", RefusedUrl::UserInfo),
        ("https://evil.example:22/", RefusedUrl::Port),
        ("https://evil.example:80/", RefusedUrl::Port),
        ("http://evil.example/", RefusedUrl::Scheme),
        ("gopher://evil.example/", RefusedUrl::Scheme),
        ("file:///etc/passwd", RefusedUrl::Scheme),
    ] {
        let url: Url = url.parse().unwrap();
        assert_eq!(hostile.client.vet(&url).await, Err(refusal), "{url}");
        let posted = hostile.client.post(post(url.clone())).await;
        assert!(
            matches!(posted, Err(OutboundError::Refused(found)) if found == refusal),
            "{url}: {posted:?}"
        );
    }
    assert_eq!(hostile.asked(), 0);
}

/// Answers one request with a head, and says what was asked.
async fn answer_once(listener: &TcpListener, head: &str) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = vec![0; 4096];
    let length = stream.read(&mut request).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    String::from_utf8_lossy(&request[..length]).into_owned()
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_nobody_follows_it() {
    let client = Hostile::new(true, &[&["127.0.0.1"]]).client;
    for status in [301, 302, 303, 307, 308] {
        let (listener, inside) = (
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        );
        let url = format!("http://hooks.example.com:{}/", listener.local_addr().unwrap().port());
        let head = format!(
            "HTTP/1.1 {status} -\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
            inside.local_addr().unwrap()
        );
        let (posted, _) =
            tokio::join!(client.post(post(url.parse().unwrap())), answer_once(&listener, &head));
        assert_eq!(posted.unwrap().status, status);
        let followed = tokio::time::timeout(Duration::from_millis(20), inside.accept()).await;
        assert!(followed.is_err(), "{status}");
    }
}

const CHILD: &str = "outbound::matrix::a_call_goes_straight_to_its_receiver";

#[tokio::test]
async fn a_call_goes_straight_to_its_receiver() {
    let client = Hostile::new(true, &[&["127.0.0.1"]]).client;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for host in ["hooks.example.com", "127.0.0.1"] {
        let url = format!("http://{host}:{}/in", listener.local_addr().unwrap().port());
        let head = "HTTP/1.1 204 -\r\nconnection: close\r\n\r\n";
        let (posted, asked) =
            tokio::join!(client.post(post(url.parse().unwrap())), answer_once(&listener, head));
        assert_eq!(posted.unwrap().status, 204);
        assert!(asked.starts_with("POST /in HTTP/1.1\r\n"), "{asked}");
    }
}

/// The environment of a process is read when it makes its client, so another process has to make one.
#[tokio::test]
async fn a_proxy_of_the_environment_is_not_used() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", CHILD]).env_remove("NO_PROXY").env_remove("no_proxy");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, &address);
    }
    let output = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    let used = tokio::time::timeout(Duration::from_millis(20), proxy.accept()).await;
    assert!(used.is_err());
}
