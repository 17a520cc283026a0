//! Signatures against values that were computed with another implementation (Python's `hmac`), and the
//! example that Standard Webhooks publishes.

use signing::{Family, Secret, Secrets, VerifyError, headers, standard};

const ID: &str = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W";
const TIME: u64 = 1_700_000_000;
const BODY: &str = r#"{"event":"lead.created","data":{"id":"lead-1","note":"grüße"}}"#;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PREVIOUS: &str = "old-secret";

fn rotating() -> Secrets {
    Secrets { current: Secret::new(SECRET), previous: Some(Secret::new(PREVIOUS)) }
}

#[test]
fn the_example_of_standard_webhooks_is_signed_as_published() {
    let secrets = Secrets::one(Secret::new(SECRET));
    let body = br#"{"test": 2432232314}"#;
    assert_eq!(
        standard::sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body, &secrets),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
}

#[test]
fn every_family_is_signed_as_computed_elsewhere_with_both_secrets_during_a_rotation() {
    let standard =
        "v1,dKsavrd3acAsNPdQkrLcBMUjkQkL2W9HubOnQJe6sdo= v1,e1rJ9W7I/v9hJQzhCEbJIBQOmSPuk6n5uzQnOKhYeHU=";
    let current = "fc2f27d53be20aa83f05773f8860fc6adad1bbeaf2a68fed0f1432b41bf2a6ff";
    let previous = "e55d87d2af6f109ae99428d5dc6b05c43ef96f68e8bccccd755d513eeec6743c";
    let own = [
        (
            Family::Partner,
            ("x-fulfillment-signature", current.to_owned()),
            ("x-fulfillment-signature-previous", previous.to_owned()),
        ),
        (
            Family::Platform,
            (
                "x-webhook-signature",
                "t=1700000000,v1=b7a6e63662db8c144d92c17bc494adc1ae8288e59afdda6156534457459a9c46".to_owned(),
            ),
            (
                "x-webhook-signature-previous",
                "t=1700000000,v1=1ff049af71a0a46f404824da45f5227bd8681b217822339eb8c18e4e534947ae".to_owned(),
            ),
        ),
        (
            Family::Lex,
            ("x-lex-signature", format!("sha256={current}")),
            ("x-lex-signature-previous", format!("sha256={previous}")),
        ),
    ];
    for (family, current, previous) in own {
        let expected = vec![
            ("webhook-id", ID.to_owned()),
            ("webhook-timestamp", "1700000000".to_owned()),
            ("webhook-signature", standard.to_owned()),
            current,
            previous,
        ];
        assert_eq!(headers(family, ID, TIME, BODY.as_bytes(), &rotating()), expected);
    }
}

#[test]
fn without_a_rotation_there_is_one_signature_and_no_previous_header() {
    let headers = headers(Family::Lex, ID, TIME, BODY.as_bytes(), &Secrets::one(Secret::new(PREVIOUS)));
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["webhook-id", "webhook-timestamp", "webhook-signature", "x-lex-signature"]);
    assert_eq!(headers[2].1, "v1,e1rJ9W7I/v9hJQzhCEbJIBQOmSPuk6n5uzQnOKhYeHU=");
}

#[test]
fn during_a_rotation_a_receiver_may_know_either_secret() {
    let signatures = standard::sign(ID, TIME, BODY.as_bytes(), &rotating());
    for secret in [SECRET, PREVIOUS] {
        let secret = Secret::new(secret);
        assert_eq!(standard::verify(ID, "1700000000", &signatures, BODY.as_bytes(), &secret, TIME), Ok(()));
    }
    let stranger = Secret::new("another");
    assert_eq!(
        standard::verify(ID, "1700000000", &signatures, BODY.as_bytes(), &stranger, TIME),
        Err(VerifyError::Mismatch)
    );
}

#[test]
fn a_timestamp_may_be_five_minutes_off_and_not_a_second_more() {
    let (secret, body) = (Secret::new(SECRET), BODY.as_bytes());
    let signatures = standard::sign(ID, TIME, body, &rotating());
    let platform = Family::Platform.sign(TIME, body, &secret);
    for (now, expected) in [
        (TIME - 300, Ok(())),
        (TIME + 300, Ok(())),
        (TIME - 301, Err(VerifyError::Stale)),
        (TIME + 301, Err(VerifyError::Stale)),
    ] {
        assert_eq!(standard::verify(ID, "1700000000", &signatures, body, &secret, now), expected);
        assert_eq!(Family::Platform.verify(&platform, body, &secret, now), expected);
    }
}

#[test]
fn malformed_headers_are_told_from_wrong_ones() {
    let (secret, body) = (Secret::new(SECRET), BODY.as_bytes());
    let good = hex64();
    for (family, header) in [
        (Family::Partner, ""),
        (Family::Partner, "fc2f"),
        (Family::Partner, "not hexadecimal"),
        (Family::Lex, good.as_str()),
        (Family::Lex, "sha256="),
        (Family::Lex, "sha512=fc2f"),
        (Family::Platform, ""),
        (Family::Platform, "t=1700000000"),
        (Family::Platform, "v1=fc2f"),
        (Family::Platform, "t=x,v1=fc2f"),
        (Family::Platform, "t=1700000000,t=1700000001,v1=fc2f"),
    ] {
        assert_eq!(family.verify(header, body, &secret, TIME), Err(VerifyError::Malformed), "{header}");
    }
    assert_eq!(Family::Partner.verify(&good, body, &secret, TIME), Err(VerifyError::Mismatch));
    let verify =
        |id: &str, time: &str, signatures: &str| standard::verify(id, time, signatures, body, &secret, TIME);
    assert_eq!(verify("a.b", "1700000000", "v1,AA=="), Err(VerifyError::Malformed));
    assert_eq!(verify(ID, "soon", "v1,AA=="), Err(VerifyError::Malformed));
    assert_eq!(verify(ID, "1700000000", "v1,AA=="), Err(VerifyError::Malformed));
    assert_eq!(verify(ID, "1700000000", "signature"), Err(VerifyError::Malformed));
    assert_eq!(verify(ID, "1700000000", ""), Err(VerifyError::Mismatch));
    assert_eq!(verify(ID, "1700000000", "v1a,AA=="), Err(VerifyError::Mismatch));
}

fn hex64() -> String {
    "0".repeat(64)
}
