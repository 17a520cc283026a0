//! Which headers pass the gateway, and whose address a request comes from.

use ipnet::IpNet;
use std::borrow::Cow;
use std::net::IpAddr;

/// Headers of one connection only (RFC 9110 §7.6.1), and those that this side of the connection sets anew.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// What a client says about itself and is not believed, what is meant for the gateway alone, and what the
/// gateway sets itself.
const NOT_FORWARDED: [&str; 10] = [
    "authorization",
    "cookie",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "traceparent",
    "via",
    "x-real-ip",
    "x-request-id",
];
const NOT_FORWARDED_FAMILIES: [&str; 2] = ["x-forwarded-", "x-leadwire-"];

/// What an owner's answer does not bring to the client: the gateway sets its own.
const NOT_RETURNED: [&str; 2] = ["content-length", "x-request-id"];
/// Who may read an answer is for the gateway to say.
const NOT_RETURNED_FAMILIES: [&str; 2] = ["x-leadwire-", "access-control-"];

/// The names that a `Connection` header lists.
pub fn named_in_connection<'h>(values: impl Iterator<Item = &'h str>) -> Vec<String> {
    values
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Whether a client's header is passed on. `listed` is what its `Connection` headers name.
///
/// Some servers read `X_Forwarded_For` as `X-Forwarded-For`; both are judged alike.
pub fn is_forwarded(name: &str, listed: &[String]) -> bool {
    let name = lowercase(name);
    let meant = if name.contains('_') { name.replace('_', "-").into() } else { Cow::Borrowed(&*name) };
    !listed.iter().any(|listed| *listed == name)
        && !HOP_BY_HOP.contains(&&*meant)
        && !NOT_FORWARDED.contains(&&*meant)
        && !NOT_FORWARDED_FAMILIES.iter().any(|family| meant.starts_with(family))
}

/// Whether an owner's header is passed back.
pub fn is_returned(name: &str, listed: &[String]) -> bool {
    let name = lowercase(name);
    !listed.iter().any(|listed| *listed == name)
        && !HOP_BY_HOP.contains(&&*name)
        && !NOT_RETURNED.contains(&&*name)
        && !NOT_RETURNED_FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Names of parsed headers are in lower case already.
fn lowercase(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    }
}

/// The client's address: the peer's, or when the peer is a proxy of ours, the right-most address in
/// `X-Forwarded-For` that is not one of ours. What a client itself put there is further left.
pub fn client_address<'h>(
    peer: IpAddr,
    forwarded_for: impl DoubleEndedIterator<Item = &'h str>,
    proxies: &[IpNet],
) -> IpAddr {
    let is_ours = |address: &IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    for hop in forwarded_for.rev().flat_map(|value| value.rsplit(',')) {
        if !is_ours(&client) {
            break;
        }
        let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
        client = hop.to_canonical();
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hop_by_hop_headers_and_those_named_in_connection_stay_behind() {
        let listed = named_in_connection(["close, X-Custom", "Idempotency-Key,"].into_iter());
        for name in [
            "Connection",
            "Keep-Alive",
            "TE",
            "Trailer",
            "Transfer-Encoding",
            "Upgrade",
            "Proxy-Connection",
            "x-custom",
            "Idempotency-Key",
        ] {
            assert!(!is_forwarded(name, &listed), "{name}");
            assert!(!is_returned(name, &listed), "{name}");
        }
        assert!(is_forwarded("Idempotency-Key", &[]));
        assert!(is_forwarded("content-type", &listed));
    }

    #[test]
    fn what_a_client_claims_about_itself_is_not_forwarded_in_any_spelling() {
        for name in [
            "X-Leadwire-Identity",
            "x_leadwire_identity",
            "X-Leadwire_Identity",
            "x-leadwire-anything",
            "Forwarded",
            "X-Forwarded-For",
            "X_Forwarded_Host",
            "x-real-ip",
            "X_Real_IP",
            "Authorization",
            "Cookie",
            "Host",
            "Content_Length",
            "Transfer_Encoding",
        ] {
            assert!(!is_forwarded(name, &[]), "{name}");
        }
    }

    #[test]
    fn forwarded_addresses_count_only_from_our_own_proxies() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let proxies: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let client = |peer, header: &str| client_address(ip(peer), std::iter::once(header), &proxies);
        assert_eq!(client("203.0.113.9", "198.51.100.1"), ip("203.0.113.9"));
        assert_eq!(client("10.0.0.1", "1.1.1.1, 198.51.100.1"), ip("198.51.100.1"));
        assert_eq!(client("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2"), ip("198.51.100.1"));
        assert_eq!(client("::ffff:10.0.0.1", "198.51.100.1"), ip("198.51.100.1"));
        assert_eq!(client("10.0.0.1", "1.1.1.1, nonsense"), ip("10.0.0.1"));
        assert_eq!(client_address(ip("10.0.0.1"), std::iter::empty(), &proxies), ip("10.0.0.1"));
    }
}
