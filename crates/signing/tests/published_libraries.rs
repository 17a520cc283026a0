//! What we sign as Standard Webhooks is accepted by the published libraries of two other languages, and what they
//! accept has not been changed.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

use platform::clock::Clock;
use signing::{Family, Secret, Secrets, headers};
use testkit::verifiers::{Signed, verdicts};

const ID: &str = "msg_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b_0190a1b2c3d47e5f8a9b0c1d2e3f4a5c";
const BODY: &str = r#"{"event":"lead.created","data":{"note":"grüße, 你好 🙂","text":"a.b.c"}}"#;
/// 32 bytes as we make them, with and without the padding, and 24 as others do.
const OURS: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const UNPADDED: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const OTHERS: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// A subscriber's own choice, which stands for its bytes.
const CHOSEN: &str = "a secret of the receiver's own choice";

fn now() -> u64 {
    u64::try_from(Clock::system().now().timestamp()).unwrap()
}

/// A delivery signed with some secrets, before a receiver that knows one.
fn signed(family: Family, secrets: (&str, Option<&str>), time: u64, body: &str, known: &str) -> Signed {
    let (current, previous) = secrets;
    let secrets = Secrets { current: Secret::new(current), previous: previous.map(Secret::new) };
    let headers = headers(family, ID, time, body.as_bytes(), &secrets);
    Signed {
        secret: known.to_owned(),
        raw: !known.starts_with("whsec_"),
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        body: body.to_owned(),
    }
}

#[test]
fn the_published_libraries_accept_every_family_with_each_live_secret_and_nothing_that_was_changed() {
    let time = now();
    let (mut deliveries, mut expected) = (Vec::new(), Vec::new());
    let mut add = |delivery: Signed, accepted: bool| {
        deliveries.push(delivery);
        expected.push(accepted);
    };
    for family in Family::ALL {
        for secret in [OURS, OTHERS, CHOSEN] {
            add(signed(family, (secret, None), time, BODY, secret), true);
            add(signed(family, (secret, None), time, "{}", secret), true);
        }
        // During a rotation a receiver may know either secret.
        for known in [OURS, OTHERS] {
            add(signed(family, (OURS, Some(OTHERS)), time, BODY, known), true);
            add(signed(family, (OTHERS, Some(OURS)), time, BODY, known), true);
        }
        add(signed(family, (OURS, Some(CHOSEN)), time, BODY, CHOSEN), true);
        add(signed(family, (CHOSEN, Some(OURS)), time, BODY, OURS), true);
        // After it only the new one counts.
        add(signed(family, (OURS, None), time, BODY, OTHERS), false);
    }
    add(signed(Family::Partner, (UNPADDED, None), time, BODY, OURS), true);
    add(signed(Family::Partner, (OURS, None), time - 301, BODY, OURS), false);
    let good = signed(Family::Partner, (OURS, Some(OTHERS)), time, BODY, OURS);
    add(Signed { body: BODY.replace("lead", "laed"), ..good.clone() }, false);
    for (header, value) in
        [("webhook-id", "msg_1"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,AAAA")]
    {
        let mut changed = good.clone();
        changed.headers.insert(header.to_owned(), value.to_owned());
        add(changed, false);
    }
    for (language, verdicts) in verdicts(&deliveries) {
        for ((delivery, expected), accepted) in deliveries.iter().zip(&expected).zip(verdicts) {
            assert_eq!(accepted, *expected, "{language}: {delivery:?}");
        }
    }
}
