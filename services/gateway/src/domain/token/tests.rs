//! The rules of tokens, one row each.

use super::*;
use jsonwebtoken::EncodingKey;
use serde_json::json;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW: i64 = 1_795_000_000;
const EXPECTED: Expected<'static> = Expected { issuer: "acme", audience: "leadwire", max_lifetime: 900 };

fn header() -> Value {
    json!({"alg": "HS256", "typ": "JWT", "kid": "kid_1"})
}

fn claims() -> Value {
    json!({
        "iss": "acme", "sub": "client", "aud": "leadwire", "iat": NOW, "exp": NOW + 300,
        "jti": "one", "scopes": ["acme:leads:write"], "kid": "kid_1",
    })
}

/// Signs whatever it is given with HMAC-SHA-256.
fn signed(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(SECRET), Algorithm::HS256)
            .unwrap();
    format!("{message}.{signature}")
}

fn judged(header: &str, claims: &str) -> Result<Verified, TokenError> {
    let token = signed(header, claims);
    let unverified = Unverified::read(&token)?;
    assert_eq!(unverified.key_id, "kid_1");
    unverified.verify(SECRET, EXPECTED, NOW)
}

fn with(document: Value, name: &str, value: Value) -> String {
    let mut document = document;
    document[name] = value;
    document.to_string()
}

fn without(document: Value, name: &str) -> String {
    let mut document = document;
    document.as_object_mut().unwrap().remove(name);
    document.to_string()
}

fn is_invalid(result: &Result<Verified, TokenError>) -> bool {
    matches!(result, Err(TokenError::Invalid(_)))
}

#[test]
fn a_good_token_is_taken_with_its_kid_in_the_header_the_claims_or_both() {
    let verified = judged(&header().to_string(), &claims().to_string()).unwrap();
    assert_eq!(verified.jti, "one");
    assert_eq!(verified.scopes, ["acme:leads:write"]);
    assert_eq!(verified.expires_at, NOW + 300);
    assert!(judged(&without(header(), "kid"), &claims().to_string()).is_ok());
    assert!(judged(&header().to_string(), &without(claims(), "kid")).is_ok());
    assert!(judged(&without(header(), "typ"), &claims().to_string()).is_ok());
}

#[test]
fn any_algorithm_but_hs256_is_named_first_whatever_else_is_wrong() {
    for alg in ["none", "None", "nOnE", "hs256", "RS256", "HS512", "HS384", "ES256", "EdDSA", "", "HS256 "] {
        let token = signed(&with(header(), "alg", json!(alg)), "not even json");
        assert_eq!(Unverified::read(&token).unwrap_err(), TokenError::Algorithm, "{alg}");
    }
    for alg in [json!(5), json!(null), json!(["HS256"])] {
        let token = signed(&with(header(), "alg", alg), "{}");
        assert_eq!(Unverified::read(&token).unwrap_err(), TokenError::Algorithm);
    }
    // An unsigned token has an empty last part, or none.
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    for token in [format!("{none}.e30."), format!("{none}.e30")] {
        assert_eq!(Unverified::read(&token).unwrap_err(), TokenError::Algorithm);
    }
}

#[test]
fn what_cannot_be_parsed_is_invalid() {
    let good = signed(&header().to_string(), &claims().to_string());
    for token in [
        "",
        "a",
        "a.b.c",
        "..",
        "e30.e30.e30",
        &format!("{good}.x"),
        &good.replace('.', " "),
        &"A".repeat(9000),
    ] {
        assert!(matches!(Unverified::read(token), Err(TokenError::Invalid(_))), "{token}");
    }
    let token = signed(r#"{"alg":"HS256","alg":"HS256","kid":"kid_1"}"#, &claims().to_string());
    assert!(matches!(Unverified::read(&token), Err(TokenError::Invalid(_))));
}

#[test]
fn a_kid_that_is_odd_is_invalid_and_never_looked_up() {
    let odd = ["", "../../etc/passwd", "' or 1=1--", "a b", "ü", &"k".repeat(10_000)];
    for kid in odd {
        let token = signed(&with(header(), "kid", json!(kid)), &without(claims(), "kid"));
        assert!(matches!(Unverified::read(&token), Err(TokenError::Invalid(_))), "{kid}");
    }
    for kid in [json!(5), json!(null), json!(["kid_1"])] {
        let token = signed(&with(header(), "kid", kid), &claims().to_string());
        assert!(matches!(Unverified::read(&token), Err(TokenError::Invalid(_))));
    }
    let twice = signed(r#"{"alg":"HS256","kid":"kid_1","kid":"kid_2"}"#, &claims().to_string());
    assert!(matches!(Unverified::read(&twice), Err(TokenError::Invalid(_))));
    let nowhere = signed(&without(header(), "kid"), &without(claims(), "kid"));
    assert!(matches!(Unverified::read(&nowhere), Err(TokenError::Invalid(_))));
    assert!(is_invalid(&judged(&header().to_string(), &with(claims(), "kid", json!("kid_2")))));
}

#[test]
fn crit_and_a_foreign_typ_are_invalid_and_key_urls_are_ignored() {
    for crit in [json!(["exp"]), json!([]), json!("x"), json!(null)] {
        assert!(is_invalid(&judged(&with(header(), "crit", crit), &claims().to_string())));
    }
    for typ in [json!("at+jwt"), json!("JWE"), json!(""), json!(null), json!(1)] {
        assert!(is_invalid(&judged(&with(header(), "typ", typ), &claims().to_string())));
    }
    for name in ["jku", "x5u"] {
        assert!(judged(&with(header(), name, json!("http://127.0.0.1:1/")), &claims().to_string()).is_ok());
    }
}

#[test]
fn a_wrong_signature_is_invalid() {
    let token = signed(&header().to_string(), &claims().to_string());
    let other = Unverified::read(&token).unwrap().verify(b"another secret of thirty-two byte", EXPECTED, NOW);
    assert_eq!(other, Err(UNVERIFIED));
    let (message, signature) = token.rsplit_once('.').unwrap();
    for forged in [format!("{message}."), format!("{message}.{}", &signature[1..]), format!("{message}.!")] {
        assert_eq!(Unverified::read(&forged).unwrap().verify(SECRET, EXPECTED, NOW), Err(UNVERIFIED));
    }
}

#[test]
fn every_claim_must_be_there_and_of_its_type() {
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "scopes"] {
        assert!(is_invalid(&judged(&header().to_string(), &without(claims(), name))), "{name} missing");
        for value in [json!(null), json!({"x": 1}), json!(true)] {
            assert!(
                is_invalid(&judged(&header().to_string(), &with(claims(), name, value))),
                "{name} of another type"
            );
        }
    }
    for (name, value) in [
        ("iss", json!("globex")),
        ("iss", json!("acme/")),
        ("aud", json!("elsewhere")),
        ("aud", json!([])),
        ("aud", json!(["elsewhere", 5])),
        ("scopes", json!("acme:leads:write")),
        ("scopes", json!([1])),
        ("jti", json!("")),
        ("jti", json!("j".repeat(300))),
        ("jti", json!(7)),
        ("exp", json!("soon")),
        ("exp", json!(-1)),
        ("kid", json!(null)),
    ] {
        assert!(
            is_invalid(&judged(&header().to_string(), &with(claims(), name, value.clone()))),
            "{name} = {value}"
        );
    }
    assert!(judged(&header().to_string(), &with(claims(), "aud", json!(["other", "leadwire"]))).is_ok());
    let twice = claims().to_string().replacen('{', r#"{"jti":"zero","#, 1);
    assert!(is_invalid(&judged(&header().to_string(), &twice)));
    let huge = claims().to_string().replace(&(NOW + 300).to_string(), "1e400");
    assert!(is_invalid(&judged(&header().to_string(), &huge)));
}

#[test]
fn times_have_a_minute_of_leeway() {
    let at = |name: &str, value: i64| judged(&header().to_string(), &with(claims(), name, json!(value)));
    assert!(at("iat", NOW + 59).is_ok());
    assert!(is_invalid(&at("iat", NOW + 61)));
    assert!(at("nbf", NOW + 59).is_ok());
    assert!(is_invalid(&at("nbf", NOW + 61)));
    let expiring = |age: i64| {
        let mut claims = claims();
        claims["iat"] = json!(NOW - 300);
        claims["exp"] = json!(NOW - age);
        judged(&header().to_string(), &claims.to_string())
    };
    assert!(expiring(59).is_ok());
    assert_eq!(expiring(61), Err(TokenError::Expired));
}

#[test]
fn a_token_lives_fifteen_minutes_at_most_and_fractions_of_seconds_are_taken() {
    let exp = |value: Value| judged(&header().to_string(), &with(claims(), "exp", value));
    assert!(exp(json!(NOW + 900)).is_ok());
    assert!(is_invalid(&exp(json!(NOW + 901))));
    assert_eq!(exp(serde_json::from_str("1795000300.75").unwrap()).unwrap().expires_at, NOW + 300);
}
