//! Signing secrets, which never print.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;

/// The prefix of a secret whose rest is the key in base64 (Standard Webhooks 1.0).
const PREFIX: &str = "whsec_";

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A signing secret as it was shown to its owner. `Debug` does not show it.
#[derive(Clone, Debug)]
pub struct Secret(SecretString);

impl Secret {
    pub fn new(secret: impl Into<SecretString>) -> Self {
        Self(secret.into())
    }

    /// The literal characters: the key of the families' own signatures.
    pub(crate) fn literal(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }

    /// The key of the standard signature: the decoded bytes after `whsec_`. A secret without that prefix,
    /// or whose rest is not base64, is somebody's own choice of text and stands for its UTF-8 bytes.
    pub(crate) fn decoded(&self) -> Cow<'_, [u8]> {
        self.0
            .expose_secret()
            .strip_prefix(PREFIX)
            .and_then(|key| LENIENT.decode(key).ok())
            .map_or(Cow::Borrowed(self.literal()), Cow::Owned)
    }
}

impl From<SecretString> for Secret {
    fn from(secret: SecretString) -> Self {
        Self(secret)
    }
}

/// The live secrets of a subscription.
#[derive(Clone, Debug)]
pub struct Secrets {
    pub current: Secret,
    /// The one that was rotated away, for as long as receivers may still know only it.
    pub previous: Option<Secret>,
}

impl Secrets {
    /// A subscription that is not being rotated.
    pub const fn one(current: Secret) -> Self {
        Self { current, previous: None }
    }

    /// All of them, the current one first.
    pub fn iter(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefixed_secret_is_decoded_with_or_without_padding() {
        assert_eq!(*Secret::new("whsec_AAEC").decoded(), [0, 1, 2]);
        assert_eq!(*Secret::new("whsec_AAE=").decoded(), [0, 1]);
        assert_eq!(*Secret::new("whsec_AAE").decoded(), [0, 1]);
    }

    #[test]
    fn any_other_secret_stands_for_its_characters() {
        assert_eq!(*Secret::new("gr\u{fc}n").decoded(), *"gr\u{fc}n".as_bytes());
        assert_eq!(*Secret::new("whsec_not base64!").decoded(), *b"whsec_not base64!");
    }

    #[test]
    fn a_secret_does_not_print() {
        let secrets = Secrets { current: Secret::new("hunter2"), previous: Some(Secret::new("hunter1")) };
        assert!(!format!("{secrets:?}").contains("hunter"));
    }
}
