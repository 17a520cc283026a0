//! What is signed verifies, and nothing else does.

use proptest::collection::vec;
use proptest::prelude::*;
use signing::{Family, Secret, Secrets, VerifyError, headers, standard};

fn families() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::Partner), Just(Family::Platform), Just(Family::Lex)]
}

/// Whether every signature of a delivery verifies for a body.
fn verified(family: Family, headers: &[(&str, String)], body: &[u8], secret: &Secret, now: u64) -> [bool; 2] {
    let value = |wanted: &str| {
        headers.iter().find(|(name, _)| *name == wanted).map_or("", |(_, value)| value.as_str())
    };
    let standard = standard::verify(
        value(standard::ID_HEADER),
        value(standard::TIMESTAMP_HEADER),
        value(standard::SIGNATURE_HEADER),
        body,
        secret,
        now,
    );
    [standard.is_ok(), family.verify(value(family.header()), body, secret, now).is_ok()]
}

proptest! {
    #[test]
    fn what_was_signed_verifies(
        family in families(),
        id in "[a-z0-9_-]{1,40}",
        time in 0..u64::from(u32::MAX),
        body in vec(any::<u8>(), 0..400),
        secret in "(whsec_[A-Za-z0-9+/]{0,64}|\\PC{0,40})",
    ) {
        let secret = Secret::new(secret);
        let headers = headers(family, &id, time, &body, &Secrets::one(secret.clone()));
        prop_assert_eq!(verified(family, &headers, &body, &secret, time), [true, true]);
    }

    #[test]
    fn a_flipped_bit_of_the_body_does_not_verify(
        family in families(),
        body in vec(any::<u8>(), 1..400),
        position in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let headers = headers(family, "id", 7, &body, &Secrets::one(secret.clone()));
        let mut tampered = body.clone();
        tampered[position.index(body.len())] ^= 1 << bit;
        prop_assert_eq!(verified(family, &headers, &tampered, &secret, 7), [false, false]);
    }

    #[test]
    fn a_flipped_bit_of_a_signature_does_not_verify(
        family in families(),
        position in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let (secret, body) = (Secret::new("secret"), b"body");
        let mut header = family.sign(7, body, &secret).into_bytes();
        let index = position.index(header.len());
        let original = header[index];
        header[index] ^= 1 << bit;
        // The case of a hexadecimal digit carries nothing.
        prop_assume!(!header[index].eq_ignore_ascii_case(&original));
        let accepted = String::from_utf8(header).is_ok_and(|header| family.verify(&header, body, &secret, 7).is_ok());
        prop_assert!(!accepted);
    }

    #[test]
    fn another_id_or_time_does_not_verify(id in "[a-z]{1,20}", time in 0..u64::from(u32::MAX)) {
        let secret = Secret::new("secret");
        let signatures = standard::sign(&id, time, b"body", &Secrets::one(secret.clone()));
        let other = standard::verify(&format!("{id}x"), &time.to_string(), &signatures, b"body", &secret, time);
        prop_assert_eq!(other, Err(VerifyError::Mismatch));
        let later = (time + 1).to_string();
        let other = standard::verify(&id, &later, &signatures, b"body", &secret, time);
        prop_assert_eq!(other, Err(VerifyError::Mismatch));
    }

    #[test]
    fn no_header_makes_the_verifier_panic(header in "\\PC{0,120}", time in "\\PC{0,20}") {
        let secret = Secret::new("secret");
        for family in Family::ALL {
            prop_assert!(family.verify(&header, b"body", &secret, 7).is_err());
        }
        prop_assert!(standard::verify("id", &time, &header, b"body", &secret, 7).is_err());
    }
}
