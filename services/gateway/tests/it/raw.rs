//! Requests that no well-behaved client sends.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Writes bytes to a server and reads its answer: the status, and all of it.
pub async fn exchange(url: &str, request: &str) -> (u16, String) {
    let address: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let mut part = [0; 4096];
    // A server that waits for the rest of a body keeps the connection open after its answer.
    while !is_whole(&answer) {
        let count = stream.read(&mut part).await.unwrap();
        if count == 0 {
            break;
        }
        answer.push_str(&String::from_utf8_lossy(&part[..count]));
    }
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer)
}

/// Whether an answer with a length is complete.
pub fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

/// A request without a body, with a path that is sent as it stands.
pub async fn get(url: &str, method: &str, path: &str, headers: &str) -> (u16, String) {
    exchange(url, &format!("{method} {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n{headers}\r\n"))
        .await
}
