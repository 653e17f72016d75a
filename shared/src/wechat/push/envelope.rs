//! The encrypted part of a push, in both directions.
//!
//! WeChat: 消息加解密. The plain text is 16 random bytes, the message's length as four bytes, the message and the appid, padded as by
//! PKCS#7 with a block of 32 bytes. AES's own unpadders take 1 to 16 bytes, so the padding is put on and taken off here.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::EnvelopeError;
use crate::{
    crypto::{decrypt_cbc_blocks, encrypt_cbc_blocks},
    types::{AppId, EncodingAesKey},
};

/// Opens the Base64 text `Encrypt`.
///
/// # Errors
/// [`EnvelopeError`]; another try does not help.
pub(super) fn open(
    key: &EncodingAesKey,
    app_id: &AppId,
    encrypted: &str,
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let ciphertext = STANDARD.decode(encrypted).map_err(|_| EnvelopeError::Broken)?;
    let padded = decrypt_cbc_blocks(key.bytes(), iv(key), &ciphertext).map_err(|_| EnvelopeError::Broken)?;
    let plain = unpad(&padded).ok_or(EnvelopeError::Broken)?;
    let (_, rest) = plain.split_first_chunk::<RANDOM>().ok_or(EnvelopeError::Broken)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(EnvelopeError::Broken)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| EnvelopeError::Broken)?;
    let (message, owner) = rest.split_at_checked(length).ok_or(EnvelopeError::Broken)?;
    if owner != app_id.as_str().as_bytes() {
        return Err(EnvelopeError::AppId);
    }
    Ok(Zeroizing::new(message.to_vec()))
}

/// Encrypts a message to the Base64 text `Encrypt`.
///
/// # Errors
/// The message is longer than four bytes can say.
pub(super) fn seal(
    key: &EncodingAesKey,
    app_id: &AppId,
    message: &[u8],
    random: [u8; RANDOM],
) -> Result<String, EnvelopeError> {
    let length = u32::try_from(message.len()).map_err(|_| EnvelopeError::Broken)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(message.len().saturating_add(SPARE)));
    plain.extend_from_slice(&random);
    plain.extend_from_slice(&length.to_be_bytes());
    plain.extend_from_slice(message);
    plain.extend_from_slice(app_id.as_str().as_bytes());
    pad(&mut plain);
    let ciphertext = encrypt_cbc_blocks(key.bytes(), iv(key), &plain).map_err(|_| EnvelopeError::Broken)?;
    Ok(STANDARD.encode(ciphertext))
}

/// The initialisation vector: the key's first 16 bytes.
fn iv(key: &EncodingAesKey) -> &[u8; 16] {
    // The key has 32 bytes, so there is always a first half.
    key.bytes().first_chunk().unwrap_or(&[0; 16])
}

/// Fills up to whole blocks of 32 bytes; what is whole gets another block.
fn pad(plain: &mut Vec<u8>) {
    let missing = PADDING_BLOCK - plain.len() % PADDING_BLOCK;
    plain.resize(plain.len().saturating_add(missing), u8::try_from(missing).unwrap_or_default());
}

fn unpad(padded: &[u8]) -> Option<&[u8]> {
    if !padded.len().is_multiple_of(PADDING_BLOCK) {
        return None;
    }
    let missing = *padded.last()?;
    let (plain, padding) = padded.split_at_checked(padded.len().checked_sub(missing.into())?)?;
    let is_right =
        (1..=PADDING_BLOCK).contains(&padding.len()) && padding.iter().all(|byte| *byte == missing);
    is_right.then_some(plain)
}

/// How many random bytes stand before a message.
pub(super) const RANDOM: usize = 16;
const PADDING_BLOCK: usize = 32;
/// Room for what a message has around it: random bytes, length, appid and padding.
const SPARE: usize = 96;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wechat::push::signature::sign;

    fn key() -> EncodingAesKey {
        EncodingAesKey::parse("kzYRqrNwLF5oGeIA4Cs9OZ1IS0y40NyncgAOJtDtS2G").unwrap()
    }

    fn app_id() -> AppId {
        AppId::parse("wx95e6095a537e33b4").unwrap()
    }

    /// The vectors: plain text, random bytes, encrypted part and, where it has one, `msg_signature`, each in a line of its own.
    fn vectors() -> impl Iterator<Item = [&'static str; 4]> {
        include_str!("vectors.txt").split("\n\n").map(|vector| {
            let mut lines = vector.lines().skip_while(|line| line.starts_with('#'));
            std::array::from_fn(|_| lines.next().unwrap_or_default())
        })
    }

    #[test]
    fn every_vector_opens_and_is_sealed_to_the_same_text() {
        assert_eq!(vectors().count(), 6);
        for [plain, random, encrypted, signature] in vectors() {
            let opened = open(&key(), &app_id(), encrypted).unwrap();
            assert_eq!(String::from_utf8_lossy(&opened), plain);
            let random = random.as_bytes().try_into().unwrap();
            assert_eq!(seal(&key(), &app_id(), plain.as_bytes(), random).unwrap(), encrypted);
            let signed = sign("GDXypdOFO0qL", "1700000007", "148201722", Some(encrypted));
            assert!(signature.is_empty() || signed == signature, "{plain}");
        }
    }

    #[test]
    fn the_push_that_wechat_published_is_opened() {
        // WeChat: 消息加解密; the sample of the published libraries. Its key has spare bits as well.
        let key = EncodingAesKey::parse("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C").unwrap();
        let encrypted = include_str!("published.txt").trim();
        let signed = sign("QDG6eK", "1409659813", "1372623149", Some(encrypted));
        assert_eq!(signed, "477715d11cdb4164915debcba66cb864d751f3e6");
        let opened = open(&key, &AppId::parse("wx5823bf96d3bd56c7").unwrap(), encrypted).unwrap();
        let opened = String::from_utf8_lossy(&opened);
        assert!(opened.contains("<Content><![CDATA[hello]]></Content>"), "{opened}");
        assert!(opened.contains("<MsgId>4561255354251345929</MsgId>"), "{opened}");
        let random = *b"0960688932c47ef1";
        let sealed = seal(&key, &AppId::parse("wx5823bf96d3bd56c7").unwrap(), opened.as_bytes(), random);
        assert_eq!(sealed.unwrap(), encrypted);
    }

    #[test]
    fn a_padding_of_none_or_of_more_than_a_block_is_refused() {
        let padded = |padding: &[u8]| [&[7; 64][..], padding].concat();
        assert_eq!(unpad(&padded(&[32; 32])), Some(&[7; 64][..]));
        assert_eq!(unpad(&[&[7; 31][..], &[1]].concat()), Some(&[7; 31][..]));
        for wrong in [padded(&[0; 32]), padded(&[33; 32]), padded(&[2; 1]), [&[31; 31][..], &[32]].concat()] {
            assert_eq!(unpad(&wrong), None, "{wrong:?}");
        }
        assert_eq!(unpad(&[]), None);
    }

    proptest! {
        #[test]
        fn opening_any_text_never_panics(text in ".{0,200}", bytes: Vec<u8>) {
            let _ = open(&key(), &app_id(), &text);
            let _ = open(&key(), &app_id(), &STANDARD.encode(bytes));
        }

        #[test]
        fn unpadding_any_bytes_never_panics(bytes: Vec<u8>) {
            let _ = unpad(&bytes);
        }

        #[test]
        fn a_sealed_message_opens_for_the_same_app_alone(message: Vec<u8>, random: [u8; RANDOM]) {
            let sealed = seal(&key(), &app_id(), &message, random).unwrap();
            prop_assert_eq!(&*open(&key(), &app_id(), &sealed).unwrap(), &message);
            let other = AppId::parse("wx95e6095a537e33b5").unwrap();
            prop_assert_eq!(open(&key(), &other, &sealed).unwrap_err(), EnvelopeError::AppId);
            let longer = AppId::parse("wx95e6095a537e33b4x").unwrap();
            prop_assert_eq!(open(&key(), &longer, &sealed).unwrap_err(), EnvelopeError::AppId);
            let wrong = EncodingAesKey::parse("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C").unwrap();
            prop_assert!(open(&wrong, &app_id(), &sealed).is_err());
        }
    }
}
