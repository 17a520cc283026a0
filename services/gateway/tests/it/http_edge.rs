//! What clients that mean no good, or know no better, can do to a connection.

use crate::harness::{Harness, text};
use crate::raw;
use reqwest::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use testkit::raw::{refuses_to_smuggle, until_closed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PRODUCTS: &str = "/api/v1/products";
/// What the impatient gateways of these tests wait for slow clients.
const SHORT: Duration = Duration::from_secs(1);
/// By when they have lost their patience, on a busy machine too.
const SOON: Duration = Duration::from_secs(8);

fn address(gateway: &Harness) -> SocketAddr {
    gateway.service.url().trim_start_matches("http://").parse().unwrap()
}

async fn crm_key(gateway: &Harness) -> String {
    let client = gateway.client("acme").await;
    text(&gateway.key(&client, json!({"surface": "crm", "rateLimitOverride": 10_000})).await["key"])
        .to_owned()
}

/// Reads until the server closes the connection or breaks it.
async fn rest_of(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "still open after {:?}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads one answer with a length.
async fn one_answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    let mut part = [0; 4096];
    while !raw::is_whole(&answer) {
        let count = stream.read(&mut part).await.unwrap();
        assert_ne!(count, 0, "closed after {answer}");
        answer.push_str(&String::from_utf8_lossy(&part[..count]));
    }
    answer
}

#[tokio::test]
async fn a_request_that_can_be_read_in_two_ways_ends_its_connection() {
    let gateway = Harness::start().await;
    let key = crm_key(&gateway).await;
    refuses_to_smuggle(address(&gateway), PRODUCTS, &format!("Authorization: Bearer {key}\r\n")).await;
    assert_eq!(gateway.echo.requests(), 0);
}

#[tokio::test]
async fn a_chunked_body_that_breaks_its_framing_reaches_nobody_as_a_whole() {
    let gateway = Harness::start().await;
    let key = crm_key(&gateway).await;
    for chunks in [
        "5\nhello\r\n0\r\n\r\n",
        "x\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "-5\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "10000000000000000\r\nhello\r\n0\r\n\r\n",
        "5;a=\x01\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
    ] {
        let request = format!(
            "POST {PRODUCTS} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {key}\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
        );
        // The server may hang up without a word.
        let answer = until_closed(address(&gateway), request.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{chunks:?}: {answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{chunks:?}: {answer}");
    }
    assert_eq!(gateway.echo.requests(), 0);
}

#[tokio::test]
async fn what_lenient_parsers_let_pass_goes_on_in_one_form_only() {
    let gateway = Harness::start().await;
    let key = crm_key(&gateway).await;
    // RFC 9112 §2.2 lets a server take a bare line feed; what is sent on is written anew.
    let request = format!(
        "POST {PRODUCTS} HTTP/1.1\nHost: h\nAuthorization: Bearer {key}\nContent-Length: 5\nConnection: close\n\nhello"
    );
    let (status, answer) = raw::exchange(gateway.service.url(), &request).await;
    assert_eq!(status, 200, "{answer}");
    let echoed: Value = serde_json::from_str(&answer[answer.find("\r\n\r\n{").unwrap() + 4..]).unwrap();
    assert_eq!((&echoed["body"], &echoed["headers"]["content-length"]), (&json!("hello"), &json!(["5"])));
    assert_eq!(gateway.echo.requests(), 1);
}

#[tokio::test]
async fn methods_of_connections_are_no_methods_of_ours() {
    let gateway = Harness::start().await;
    for (request, allow) in [
        (format!("TRACE {PRODUCTS} HTTP/1.1\r\nHost: h\r\n"), "GET, HEAD, POST"),
        ("TRACE /unknown HTTP/1.1\r\nHost: h\r\n".to_owned(), ""),
        ("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n".to_owned(), ""),
        (format!("OPTIONS {PRODUCTS} HTTP/1.1\r\nHost: h\r\n"), "GET, HEAD, POST"),
        (format!("HEAD {PRODUCTS}/1/convert HTTP/1.1\r\nHost: h\r\n"), "-"),
        ("HEAD /api/v1/api-keys HTTP/1.1\r\nHost: h\r\n".to_owned(), "POST"),
    ] {
        let (status, answer) =
            raw::exchange(gateway.service.url(), &format!("{request}Connection: close\r\n\r\n")).await;
        if allow == "-" {
            assert_eq!(status, 404, "{request}: {answer}");
            continue;
        }
        assert_eq!(status, 405, "{request}: {answer}");
        assert!(answer.contains(&format!("\r\nallow: {allow}\r\n")), "{request}: {answer}");
    }
    assert_eq!(gateway.echo.requests(), 0);
}

#[tokio::test]
async fn a_head_is_that_of_the_answer_to_get_and_nothing_more() {
    let gateway = Harness::start().await;
    let key = crm_key(&gateway).await;
    for (path, bearer) in [(PRODUCTS, &key), ("/api/v1/rate-limits", &gateway.admin_key)] {
        let length = async |method: &str| {
            let headers = format!("Authorization: Bearer {bearer}\r\nX-Request-Id: same\r\n");
            let request =
                format!("{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n");
            let answer = until_closed(address(&gateway), request.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{method} {path}: {answer}");
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            (length.parse::<usize>().unwrap(), body.to_owned())
        };
        let (get, body) = length("GET").await;
        assert_eq!(body.len(), get);
        let (head, nothing) = length("HEAD").await;
        assert_eq!((head, nothing.as_str()), (get, ""), "{path}");
    }
    // Without a credential it is refused like any other.
    let (status, answer) = raw::get(gateway.service.url(), "HEAD", PRODUCTS, "").await;
    assert_eq!(status, 401);
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_request_id_that_could_forge_log_lines_is_replaced() {
    let gateway = Harness::start().await;
    for id in ["", "a b", "a\x1b[31m", "\u{e9}", "a,b", "a\tb", &"x".repeat(65), "<script>", "a;b"] {
        let headers = format!("X-Request-Id: {id}\r\n");
        let (_, answer) = raw::get(gateway.service.url(), "GET", "/api/v1/rate-limits", &headers).await;
        let ids: Vec<_> = answer.lines().filter_map(|line| line.strip_prefix("x-request-id: ")).collect();
        if !answer.starts_with("HTTP/1.1 400 Bad Request\r\ncontent-length: 0") {
            assert!(ids.len() == 1 && ids[0].len() == 36 && ids[0] != id, "{id:?}: {answer}");
        }
    }
    let (_, answer) =
        raw::get(gateway.service.url(), "GET", "/api/v1/rate-limits", "X-Request-Id: kept_-1\r\n").await;
    assert!(answer.contains("x-request-id: kept_-1\r\n"));
}

#[tokio::test]
async fn heads_have_a_size_and_a_number_of_lines() {
    let gateway = Harness::start().await;
    let many = (0..97).map(|index| format!("X-{index}: 1\r\n")).collect::<Vec<_>>().concat();
    let long = format!("X-Long: {}\r\n", "x".repeat(140_000));
    for headers in [many, long] {
        let request = format!("GET {PRODUCTS} HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
        let mut stream = TcpStream::connect(address(&gateway)).await.unwrap();
        // The server may have had enough before all is written.
        stream.write_all(request.as_bytes()).await.ok();
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.unwrap();
        assert_eq!(std::str::from_utf8(&start).unwrap(), "HTTP/1.1 431");
    }
}

#[tokio::test]
async fn a_compressed_body_goes_on_as_it_is() {
    let gateway = Harness::start().await;
    let key = crm_key(&gateway).await;
    for coding in ["gzip", "gzip, gzip", "br"] {
        let request = gateway.with(&key, Method::POST, PRODUCTS).header("content-encoding", coding);
        let (status, echoed) = testkit::answer(request.body("not unpacked by anybody")).await;
        assert_eq!((status, &echoed["body"]), (200, &json!("not unpacked by anybody")));
        assert_eq!(echoed["headers"]["content-encoding"], json!([coding]));
    }
    let own = gateway.admin(Method::POST, "/api/v1/organizations").header("content-encoding", "gzip");
    assert_eq!(testkit::answer(own.json(&json!({}))).await.0, 415);
}

/// A gateway that loses its patience soon.
async fn impatient() -> Harness {
    Harness::start_with(|settings| {
        settings.http.head_timeout = SHORT;
        settings.http.body_timeout = SHORT;
        settings.http.write_timeout = SHORT;
        settings.http.keep_alive = SHORT;
    })
    .await
}

/// Sends a byte now and then until the server has had enough.
async fn trickle(what: &str, stream: &mut TcpStream, byte: &[u8]) {
    let start = Instant::now();
    let mut answer = [0; 1024];
    loop {
        assert!(start.elapsed() < SOON, "the server is too patient with {what}");
        if stream.write_all(byte).await.is_err() {
            return;
        }
        let read = tokio::time::timeout(Duration::from_millis(50), stream.read(&mut answer)).await;
        if let Ok(Ok(0) | Err(_)) = read {
            return;
        }
    }
}

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off_the_first_and_every_later_one() {
    let gateway = impatient().await;
    let mut first = TcpStream::connect(address(&gateway)).await.unwrap();
    first.write_all(b"GET /").await.unwrap();
    trickle("the first head", &mut first, b"a").await;
    let mut second = TcpStream::connect(address(&gateway)).await.unwrap();
    second.write_all(b"GET /unknown HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    assert!(one_answer(&mut second).await.starts_with("HTTP/1.1 404 "));
    second.write_all(b"GET /unknown HTTP/1.1\r\nX-Slow: ").await.unwrap();
    trickle("the second head", &mut second, b"a").await;
    // One that says nothing at all is cut off too, without a word.
    let mut idle = TcpStream::connect(address(&gateway)).await.unwrap();
    assert_eq!(rest_of(&mut idle).await, "");
}

#[tokio::test]
async fn a_connection_that_is_kept_for_later_has_all_its_time_for_its_first_head() {
    let gateway = Harness::start_with(|settings| settings.http.head_timeout = SHORT).await;
    let mut stream = TcpStream::connect(address(&gateway)).await.unwrap();
    let silence = tokio::time::timeout(SHORT * 3, stream.read(&mut [0; 1])).await;
    assert!(silence.is_err(), "nothing is said to who has said nothing");
    stream.write_all(b"GET /unknown HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    assert!(one_answer(&mut stream).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_body_that_trickles_in_is_refused() {
    let gateway = impatient().await;
    let key = crm_key(&gateway).await;
    for (framing, byte) in [("Content-Length: 100000", "x"), ("Transfer-Encoding: chunked", "1\r\nx\r\n")] {
        let mut stream = TcpStream::connect(address(&gateway)).await.unwrap();
        let head = format!(
            "POST {PRODUCTS} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {key}\r\n{framing}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        trickle(framing, &mut stream, byte.as_bytes()).await;
    }
}

#[tokio::test]
async fn a_chunked_body_that_goes_on_after_the_answer_holds_no_connection() {
    let gateway = Harness::start().await;
    let key = crm_key(&gateway).await;
    for (headers, status) in [(String::new(), "401"), (format!("Authorization: Bearer {key}\r\n"), "413")] {
        let mut stream = TcpStream::connect(address(&gateway)).await.unwrap();
        let head =
            format!("POST {PRODUCTS} HTTP/1.1\r\nHost: h\r\n{headers}Transfer-Encoding: chunked\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        if status == "413" {
            let chunk = format!("50000\r\n{}\r\n", "x".repeat(0x50000));
            stream.write_all(chunk.as_bytes()).await.unwrap();
        }
        let answer = one_answer(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        trickle("the rest of a body", &mut stream, b"1\r\nx\r\n").await;
    }
    // One that was read to its end leaves the connection to the next request.
    let mut stream = TcpStream::connect(address(&gateway)).await.unwrap();
    for _ in 0..2 {
        let request = format!(
            "POST {PRODUCTS} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {key}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(one_answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
    }
}

/// An owner that answers one request with as many bytes as are taken.
async fn endless_owner() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_cut_off_and_fills_no_memory() {
    let (listener, owner) = endless_owner().await;
    let gateway = Harness::start_with(|settings| {
        settings.http.write_timeout = SHORT;
        settings.upstreams.crm_resources = vec![format!("http://{owner}").parse().unwrap()];
    })
    .await;
    let key = crm_key(&gateway).await;
    let mut client = TcpStream::connect(address(&gateway)).await.unwrap();
    let request = format!("GET {PRODUCTS} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {key}\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n").await.unwrap();
    let part = vec![b'x'; 64 * 1024];
    let mut written = 0;
    let cut_off = async {
        while stream.write_all(&part).await.is_ok() {
            written += part.len();
        }
    };
    tokio::time::timeout(SOON, cut_off).await.unwrap();
    // What the sockets of both connections hold, and a little.
    assert!(written < 40_000_000, "{written} bytes were taken for a client that takes none");
}

#[tokio::test]
async fn an_answer_larger_than_any_buffer_comes_through_whole() {
    const SIZE: usize = 64 * 1024 * 1024;
    let (listener, owner) = endless_owner().await;
    let gateway = Harness::start_with(|settings| {
        settings.upstreams.crm_resources = vec![format!("http://{owner}").parse().unwrap()];
    })
    .await;
    let key = crm_key(&gateway).await;
    let request = gateway.with(&key, Method::GET, PRODUCTS);
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 64];
        stream.read_exact(&mut head).await.unwrap();
        stream
            .write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let part = vec![b'x'; 64 * 1024];
        for _ in 0..SIZE / part.len() {
            stream.write_all(&part).await.unwrap();
        }
        stream
    };
    let take = async {
        let mut response = request.send().await.unwrap();
        let mut taken = 0;
        while let Some(chunk) = response.chunk().await.unwrap() {
            taken += chunk.len();
        }
        taken
    };
    let (_, taken) = tokio::join!(serve, take);
    assert_eq!(taken, SIZE);
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_for_one_to_end() {
    let gateway = Harness::start_with(|settings| settings.http.max_connections = 2).await;
    let request = b"GET /unknown HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(address(&gateway)).await.unwrap();
        stream.write_all(request).await.unwrap();
        one_answer(&mut stream).await;
        held.push(stream);
    }
    let mut third = TcpStream::connect(address(&gateway)).await.unwrap();
    third.write_all(request).await.unwrap();
    assert!(tokio::time::timeout(SHORT, one_answer(&mut third)).await.is_err(), "it is served at once");
    held.clear();
    tokio::time::timeout(SOON, one_answer(&mut third)).await.unwrap();
}
