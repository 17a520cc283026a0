//! Requests that no well-behaved client sends, byte by byte.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than any server here takes to give a client up.
const PATIENCE: Duration = Duration::from_secs(8);

/// Heads and bodies that two servers in a row may read differently (RFC 9112 §11.2), each with what is odd
/// about it. Every one asks for `POST /` and must be refused with 400 and the end of the connection.
pub const SMUGGLING: [(&str, &str); 26] = [
    ("length and chunked", "Host: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("chunked and length", "Host: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    ("two lengths", "Host: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    ("the same length twice", "Host: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    ("a list of lengths", "Host: h\r\nContent-Length: 5, 5\r\n\r\nhello"),
    ("a signed length", "Host: h\r\nContent-Length: +5\r\n\r\nhello"),
    ("a negative length", "Host: h\r\nContent-Length: -5\r\n\r\nhello"),
    ("a hexadecimal length", "Host: h\r\nContent-Length: 0x5\r\n\r\nhello"),
    ("an empty length", "Host: h\r\nContent-Length:\r\n\r\nhello"),
    ("a length beyond all numbers", "Host: h\r\nContent-Length: 18446744073709551621\r\n\r\nhello"),
    ("two codings", "Host: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("a list of codings", "Host: h\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"),
    ("chunked not last", "Host: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    ("an unknown coding", "Host: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("the coding identity", "Host: h\r\nTransfer-Encoding: identity\r\n\r\n"),
    ("a coding behind a control character", "Host: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("a space before the colon", "Host: h\r\nContent-Length : 5\r\n\r\nhello"),
    ("a space before the coding's colon", "Host: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    ("a folded line", "Host: h\r\nX-A: b\r\n Content-Length: 5\r\n\r\nhello"),
    ("a folded coding", "Host: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    ("a line without a colon", "Host: h\r\nContent-Length\r\n\r\n"),
    ("an empty name", "Host: h\r\n: 5\r\n\r\n"),
    ("a zero byte in a value", "Host: h\r\nX-A: b\0c\r\n\r\n"),
    ("a bare carriage return", "Host: h\r\nX-A: b\rContent-Length: 5\r\n\r\n"),
    ("no host", "Content-Length: 5\r\n\r\nhello"),
    ("two hosts", "Host: h\r\nHost: i\r\nContent-Length: 5\r\n\r\nhello"),
];

/// Everything that a server answers until it closes the connection.
///
/// # Panics
/// When the server keeps it open.
pub async fn until_closed(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // A reset is an end too.
    assert!(read.is_ok(), "the connection stays open after {:?}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends every odd request, each with a second one in its tow, and sees that both go nowhere.
///
/// # Panics
/// When one is not answered with exactly one 400 and the end of the connection.
pub async fn refuses_to_smuggle(address: SocketAddr, path: &str, headers: &str) {
    let towed = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
    let check = async |what: &str, request: String| {
        let answer = until_closed(address, format!("{request}{towed}").as_bytes()).await;
        let answers: Vec<_> =
            answer.match_indices("HTTP/1.1 ").map(|(at, _)| &answer[at + 9..at + 12]).collect();
        assert_eq!(answers, ["400"], "{what}: {answer}");
    };
    for (what, rest) in SMUGGLING {
        check(what, format!("POST {path} HTTP/1.1\r\n{headers}{rest}")).await;
    }
    let chunked = "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    check("a coding in HTTP/1.0", format!("POST {path} HTTP/1.0\r\n{headers}{chunked}")).await;
    check("an unknown version", format!("GET {path} HTTP/3.0\r\n{headers}Host: h\r\n\r\n")).await;
    check("no version", format!("GET {path}\r\n\r\n")).await;
    check("a method with a space", format!("G ET {path} HTTP/1.1\r\n{headers}Host: h\r\n\r\n")).await;
}
