//! Whether what came is what somebody with the secret has sent.

use signing::{Family, Secret, VerifyError, standard};

/// The name of the scheme that all families share.
const STANDARD: &str = "standard webhooks";

/// What was found out about the signatures of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whose scheme the request has, beside the standard one.
    pub family: Option<Family>,
    /// The schemes whose signature fits.
    pub verified: Vec<&'static str>,
    /// What does not fit, and why.
    pub problems: Vec<String>,
    /// There was no secret to check with.
    pub unchecked: bool,
}

impl Verdict {
    /// Whether nothing speaks against it.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// In a few words.
    pub fn line(&self) -> String {
        match (self.unchecked, self.problems.is_empty()) {
            (true, _) => "not checked: no secret was given".to_owned(),
            (false, true) => format!("verified: {}", self.verified.join(", ")),
            (false, false) => format!("refused: {}", self.problems.join("; ")),
        }
    }
}

/// The name of a family.
pub const fn name(family: Family) -> &'static str {
    match family {
        Family::Partner => "partner",
        Family::Platform => "platform",
        Family::Lex => "lex",
    }
}

/// Checks every signature that a request has against secrets of which one must fit all. `header` finds a header by
/// its name in lower case; `now` is in Unix seconds.
pub fn verify<'h>(
    header: impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    secrets: &[Secret],
    now: u64,
) -> Verdict {
    let signed: Vec<Family> =
        Family::ALL.into_iter().filter(|family| header(family.header()).is_some()).collect();
    let family = signed.first().copied();
    if secrets.is_empty() {
        return Verdict { family, unchecked: true, ..Verdict::default() };
    }
    let has_standard = header(standard::SIGNATURE_HEADER).is_some();
    if signed.is_empty() && !has_standard {
        let problems = vec!["there is no signature header".to_owned()];
        return Verdict { problems, ..Verdict::default() };
    }
    let verdicts = secrets.iter().map(|secret| {
        let mut verdict = Verdict { family, ..Verdict::default() };
        for family in &signed {
            verdict.note(name(*family), family_fits(*family, &header, body, secret, now));
        }
        if has_standard {
            verdict.note(STANDARD, standard_fits(&header, body, secret, now));
        }
        verdict
    });
    // That of the secret that fits best.
    verdicts.min_by_key(|verdict| verdict.problems.len()).unwrap_or_default()
}

impl Verdict {
    fn note(&mut self, scheme: &'static str, result: Result<(), VerifyError>) {
        match result {
            Ok(()) => self.verified.push(scheme),
            Err(error) => self.problems.push(format!("{scheme}: {error}")),
        }
    }
}

/// Whoever still has the secret of before a rotation finds it in the header beside.
fn family_fits<'h>(
    family: Family,
    header: &impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    secret: &Secret,
    now: u64,
) -> Result<(), VerifyError> {
    let with = |name| header(name).map(|value| family.verify(value, body, secret, now));
    let current = with(family.header()).unwrap_or(Err(VerifyError::Malformed));
    match (current, with(family.previous_header())) {
        (Err(_), Some(Ok(()))) => Ok(()),
        (current, _) => current,
    }
}

fn standard_fits<'h>(
    header: &impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    secret: &Secret,
    now: u64,
) -> Result<(), VerifyError> {
    let text = |name| header(name).unwrap_or_default();
    let (id, time) = (text(standard::ID_HEADER), text(standard::TIMESTAMP_HEADER));
    standard::verify(id, time, text(standard::SIGNATURE_HEADER), body, secret, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use signing::Secrets;

    const NOW: u64 = 1_700_000_000;
    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    fn check(family: Family, sent: &Secrets, body: &[u8], known: &[&str], now: u64) -> Verdict {
        let headers = signing::headers(family, "msg_1_2", NOW, b"{}", sent);
        let find =
            |name: &str| headers.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str());
        let known: Vec<_> = known.iter().map(|secret| Secret::new(*secret)).collect();
        verify(find, body, &known, now)
    }

    #[test]
    fn both_signatures_of_every_family_are_checked() {
        for family in Family::ALL {
            let sent = Secrets::one(Secret::new(SECRET));
            let verdict = check(family, &sent, b"{}", &["another", SECRET], NOW);
            assert_eq!(verdict.line(), format!("verified: {}, {STANDARD}", name(family)));
            assert_eq!(verdict.family, Some(family));
            let tampered = check(family, &sent, b"{ }", &[SECRET], NOW);
            assert_eq!(tampered.problems.len(), 2, "{tampered:?}");
            assert!(tampered.line().contains("the signature does not match"));
            assert!(!check(family, &sent, b"{}", &["another"], NOW).is_good());
        }
    }

    #[test]
    fn what_is_old_is_refused_where_a_time_is_signed() {
        let sent = Secrets::one(Secret::new(SECRET));
        let late = check(Family::Platform, &sent, b"{}", &[SECRET], NOW + 301);
        assert_eq!(late.problems.len(), 2);
        assert!(late.line().contains("too far from now"), "{late:?}");
    }

    #[test]
    fn a_secret_of_before_a_rotation_is_good_as_long_as_it_is_sent() {
        let sent = Secrets { current: Secret::new("new"), previous: Some(Secret::new(SECRET)) };
        assert!(check(Family::Lex, &sent, b"{}", &[SECRET], NOW).is_good());
        assert!(check(Family::Lex, &sent, b"{}", &["new"], NOW).is_good());
    }

    #[test]
    fn without_a_signature_or_a_secret_it_is_said_so() {
        let nothing = verify(|_| None, b"{}", &[Secret::new(SECRET)], NOW);
        assert_eq!(nothing.line(), "refused: there is no signature header");
        let unchecked = verify(|_| None, b"{}", &[], NOW);
        assert!(unchecked.is_good() && unchecked.unchecked);
    }
}
