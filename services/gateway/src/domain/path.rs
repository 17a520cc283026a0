//! Which request paths are taken at all: only those that no normalisation would change, so that router,
//! authorisation and upstream cannot read one path in two ways.

/// Whether a raw path is in normal form (RFC 3986 §6.2.2) and free of what intermediaries treat
/// differently: empty and dot segments, encoded separators, path parameters, backslashes, control
/// characters, needless encodings, bytes that are no UTF-8, segments that end in a dot or a space.
///
/// An empty last segment is normal: `/a/` is another path than `/a`, and one that nothing matches.
pub fn is_normal(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        if !(segment.is_empty() && is_last || is_normal_segment(segment)) {
            return false;
        }
    }
    true
}

fn is_normal_segment(segment: &str) -> bool {
    let Some(text) = decode(segment) else { return false };
    let Some(last) = text.chars().next_back() else { return false };
    let is_blank = |character: char| character.is_whitespace() || character == '.';
    !is_blank(last)
        && !text.starts_with(char::is_whitespace)
        && text
            .chars()
            .all(|character| !character.is_control() && !matches!(character, '/' | '\\' | ';' | '%'))
}

/// A segment without its percent-encoding. `None` when a character should not have been encoded, or should
/// have been (RFC 3986 §3.3), or the result is not UTF-8.
fn decode(segment: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) = (hex(bytes.next()?)?, hex(bytes.next()?)?);
            let byte = high * 16 + low;
            if is_unreserved(byte) {
                return None;
            }
            decoded.push(byte);
        } else if is_unreserved(byte) || b"!$&'()*+,=:@".contains(&byte) {
            decoded.push(byte);
        } else {
            return None;
        }
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_paths_pass() {
        for path in [
            "/",
            "/v1",
            "/v1/",
            "/api/v1/partners/acme/leads",
            "/.well-known/jwks.json",
            "/v1/messages/a:b@c",
            "/v1/a%20b",
            "/v1/%C3%A9",
        ] {
            assert!(is_normal(path), "{path}");
        }
    }

    #[test]
    fn paths_that_can_be_read_in_two_ways_are_refused() {
        for path in [
            "",
            "*",
            "v1",
            "//",
            "/v1//leads",
            "/v1/./leads",
            "/v1/x/../admin",
            "/v1/..",
            "/v1/.",
            "/v1/%2e%2e/x",
            "/v1/%2E/x",
            "/v1/a%2fb",
            "/v1/a%2Fb",
            "/v1/a%5cb",
            "/v1/a\\b",
            "/v1/a%00",
            "/v1/a;b=c",
            "/v1/a%3bb",
            "/v1/%252e",
            "/v1/%6ceads",
            "/v1/leads.",
            "/v1/leads%20",
            "/v1/%20leads",
            "/v1/a%0d%0ab",
            "/v1/%c0%af",
            "/v1/%ff",
            "/v1/%",
            "/v1/%2",
            "/v1/%zz",
            "/v1/a b",
            "/v1/é",
            "/v1/{id}",
            "/v1/a|b",
            "/v1/a\"b",
            "/v1/%C2%85x",
            "/v1/...",
        ] {
            assert!(!is_normal(path), "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn a_path_that_passes_is_what_a_url_parser_makes_of_it(path in "/[ -~]{0,24}") {
            if is_normal(&path) {
                let url = url::Url::parse(&format!("http://host{path}")).unwrap();
                prop_assert_eq!(url.path(), path.as_str());
            }
        }

        #[test]
        fn a_plain_path_passes_and_a_dot_segment_anywhere_spoils_it(
            segments in prop::collection::vec("[a-z0-9_-]{1,8}", 1..6),
            at in any::<prop::sample::Index>(),
            dots in prop::sample::select(vec![".", "..", "%2e", ".%2E", "%2e.", ""]),
        ) {
            let plain = format!("/{}", segments.join("/"));
            prop_assert!(is_normal(&plain), "{}", plain);
            let mut spoiled = segments.clone();
            spoiled.insert(at.index(segments.len()), dots.to_owned());
            let spoiled = format!("/{}", spoiled.join("/"));
            prop_assert!(!is_normal(&spoiled), "{}", spoiled);
        }
    }
}
