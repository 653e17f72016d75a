//! Why a push is refused.

use super::MalformedField;
use crate::{host::HostError, secrets::SecretError};

/// Why a push is refused. Nothing was written. WeChat delivers it again, three times in all.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// `signature`, `msg_signature`, `timestamp` or `nonce` is missing.
    #[error("the push's query has no {0}")]
    Query(&'static str),
    /// The signature is not that of our token.
    #[error("the push's signature is not right")]
    Signature,
    /// `timestamp` is more than five minutes away from now.
    #[error("the push's timestamp is not fresh")]
    Stale,
    /// The body is encrypted and the setting is `plain`, or the other way round.
    #[error("the push is not in the mode of MESSAGE_PUSH_MODE")]
    Mode,
    /// The push is genuine and encrypted, and the setting is `plain`.
    #[error("WeChat's console encrypts, and MESSAGE_PUSH_MODE is plain")]
    ConsoleMode,
    /// The push is genuine and its message is no XML or JSON that can be a push.
    #[error("the push's message is malformed")]
    Content(#[source] FormError),
    /// The body is no XML or JSON that can be a push.
    #[error("the push's body is malformed")]
    Form(#[from] FormError),
    /// The signature is right and the encrypted part can't be opened, or it is another app's.
    #[error("the push's encrypted part can't be opened")]
    Envelope(#[from] EnvelopeError),
    /// The push is genuine and one of its fields is not in its form.
    #[error(transparent)]
    Field(#[from] MalformedField),
    /// The secret that verifies a push can't be read, or has no such field.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The secret has no `encoding_aes_key`, which the secure mode needs.
    #[error("the secret of MESSAGE_PUSH_SECRET_ARN has no encoding_aes_key")]
    NoEncodingAesKey,
    /// There is no randomness to encrypt an answer with.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl PushError {
    /// Whether the push was signed with our token and is not to be read all the same: our settings are wrong, or the protocol has changed.
    #[must_use]
    pub fn is_genuine(&self) -> bool {
        matches!(
            self,
            Self::ConsoleMode
                | Self::Content(_)
                | Self::Envelope(_)
                | Self::Field(_)
                | Self::NoEncodingAesKey
        )
    }
}

/// Why an encrypted part can't be opened. Which rule of the padding failed is not said, because an answer that differs by it would be
/// an oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It is not the Base64 of whole blocks, or its padding or length is wrong: another key has encrypted it, or it was cut.
    #[error("it does not decrypt under this key")]
    Broken,
    /// It ends with another appid.
    #[error("it is another app's")]
    AppId,
}

/// Why bytes are no message in XML or JSON. No value is quoted, because values can be personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// More than 64 KiB.
    #[error("more than 64 KiB")]
    TooLarge,
    /// Not UTF-8.
    #[error("not UTF-8")]
    Encoding,
    /// Neither XML nor a JSON object, or not well-formed.
    #[error("not well-formed")]
    Malformed,
    /// A document type, a processing instruction, a comment or attributes.
    #[error("has a part that no push has")]
    Forbidden,
    /// An entity other than the five of XML.
    #[error("has an unknown entity")]
    Entity,
    /// Another root element, or more than one.
    #[error("has another root than it should")]
    Root,
    /// Nested deeper than any push.
    #[error("is nested too deep")]
    Depth,
    /// The same field twice.
    #[error("has a field twice")]
    Duplicate,
}
