//! RSASSA-PKCS1-v1_5 with SHA-256, by the crate ring. WeChat Pay APIv3 uses these signatures.

use std::fmt;

use ring::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer,
    pem::{PemObject, SectionKind},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use webpki::{EndEntityCert, RawPublicKeyEntity, ring::RSA_PKCS1_2048_8192_SHA256};
use zeroize::Zeroizing;

use crate::types::Secret;

/// The text is not a key of the expected kind. The error does not quote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {0} in PEM")]
pub struct PemError(&'static str);

/// A private key that signs, and opens what was encrypted for it.
pub struct SigningKey {
    pair: KeyPair,
    /// The key as it was read, PKCS#8 or PKCS#1, because ring's key opens nothing.
    der: Zeroizing<Vec<u8>>,
}

impl SigningKey {
    /// Reads `-----BEGIN PRIVATE KEY-----` (PKCS#8), or the older PKCS#1 form.
    ///
    /// # Errors
    /// [`PemError`]: the text is no RSA private key, or one of less than 2048 bits.
    pub fn from_pem(pem: &str) -> Result<Self, PemError> {
        let error = PemError("an RSA private key");
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| error)?;
        let pair = match &key {
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(error),
        };
        let der = Zeroizing::new(key.secret_der().to_vec());
        pair.map(|pair| Self { pair, der }).map_err(|_| error)
    }

    /// The key in PKCS#8 or PKCS#1.
    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The signature over `message`. The same message has the same signature each time.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        // Signing can't fail, because the buffer has the right size and PKCS#1 v1.5 needs no randomness. If it did, every verifier
        // would refuse the empty signature.
        match self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature) {
            Ok(()) => signature,
            Err(_) => Vec::new(),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

impl<'de> Deserialize<'de> for SigningKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pem = Secret::deserialize(deserializer)?;
        Self::from_pem(pem.expose()).map_err(D::Error::custom)
    }
}

/// A public key that verifies signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey(SubjectPublicKeyInfoDer<'static>);

impl VerifyingKey {
    /// Reads `-----BEGIN CERTIFICATE-----` or `-----BEGIN PUBLIC KEY-----`. Both are accepted everywhere, because merchants confuse
    /// them.
    ///
    /// # Errors
    /// [`PemError`]: the text is neither.
    pub fn from_pem(pem: &str) -> Result<Self, PemError> {
        let error = PemError("a certificate or a public key");
        let sections: Vec<(SectionKind, Vec<u8>)> =
            PemObject::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().map_err(|_| error)?;
        let key = match sections.as_slice() {
            [(SectionKind::Certificate, der)] => {
                let certificate = CertificateDer::from(der.as_slice());
                EndEntityCert::try_from(&certificate).map_err(|_| error)?.subject_public_key_info()
            }
            [(SectionKind::PublicKey, der)] => SubjectPublicKeyInfoDer::from(der.clone()),
            _ => return Err(error),
        };
        RawPublicKeyEntity::try_from(&key).map_err(|_| error)?;
        Ok(Self(key))
    }

    /// The key as a `SubjectPublicKeyInfo`.
    pub(super) fn der(&self) -> &[u8] {
        &self.0
    }

    /// Whether `signature` was made over `message` with the private key of this key.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        RawPublicKeyEntity::try_from(&self.0)
            .and_then(|key| key.verify_signature(RSA_PKCS1_2048_8192_SHA256, message, signature))
            .is_ok()
    }
}

impl<'de> Deserialize<'de> for VerifyingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_pem(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;

    const PRIVATE: &str = include_str!("rsa_g6_private.pem");
    const PUBLIC: &str = include_str!("rsa_g6_public.pem");
    const EMPTY_ANSWER: &str = "UE9VqNpZ3PTE/GPSnQD3YM2eegfXFwmzLBSSYqienaxLg8UnslgHQxyYkKkwajgiw1wZu1/M5Phf17pe/NQKvdDbzoZN0UHazfrT3fjDGYRnzfsZS+ML+hVgEqy4g7ja1qjqCtWGXbFx9t4X2D+iUEaxpdSzbO5jv11I0EJgrfvso6gcilLucJoEDdxsGEeb3SrZYUyMs/r5ScqSCEBrduZzreXtCrM0RJ8KTOqCmb3YiSge/GHga3jEirDwYswTdvhrXx8qFWGI3UHWlSE4ykTLCY6zdd5cnU794bJlfEKEPyn6Oh+Triz/rOTz2PquT16JSvln2lPF70jiSWmBqg==";

    #[test]
    fn the_published_key_verifies_the_signature_of_an_empty_answer() {
        let key = VerifyingKey::from_pem(PUBLIC).unwrap();
        let signature = STANDARD.decode(EMPTY_ANSWER).unwrap();
        assert!(key.verifies(b"1700000060\n9cz9G91rqRNjuSEJYB5SHuJLrjYyVpu1\n\n", &signature));
        assert!(!key.verifies(b"1700000061\n9cz9G91rqRNjuSEJYB5SHuJLrjYyVpu1\n\n", &signature));
        assert!(!key.verifies(b"", &[]));
    }

    #[test]
    fn the_vector_s_signature_over_the_call_up_of_a_payment_is_made() {
        let key = SigningKey::from_pem(PRIVATE).unwrap();
        let message = "wx95e6095a537e33b4\n1700000000\n6Zku3M0P5L94XBubJuGMkzmLljENHfYZ\nprepay_id=wx150613205c85e9afe3e93f2706414dcc10\n";
        assert_eq!(
            STANDARD.encode(key.sign(message.as_bytes())),
            "raaZKtKwOzskshuebBfBfB53ERtVqEMjGdm1Aqh+8DTAgpcNW4pFenY5uSdgkP6OameXy/F8b2rzjiSFXHRuCW1agETXzldgqUCcWWJrvgSz80JXELFd/Are3b0IoF676YXcoyxodDJC49gqMQgOT44B1VLfNLB9ugUC2KX0MwQQcnZCtZ3KdcIcFSvgfi+ucp3+V1RA4/Ed9m19ks2nYkQRwnQUtaqnf45FuR+H1MW9shLmf27atLNoSTYqlxDm/+riau+mCsaI36hxUzyDWeAZWRB+Yy/p5K0d1oeswrNrjVfq0bSeGF1g/6EGxpTRLPJH6os3REoadlSnOjVlRg=="
        );
    }

    #[test]
    fn bytes_that_are_no_key_are_refused_and_no_key_is_printed() {
        for text in ["", "x", PUBLIC] {
            assert!(SigningKey::from_pem(text).is_err());
        }
        for text in ["", "x", PRIVATE, &format!("{PUBLIC}{PUBLIC}")] {
            assert!(VerifyingKey::from_pem(text).is_err());
        }
        assert_eq!(format!("{:?}", SigningKey::from_pem(PRIVATE).unwrap()), "SigningKey(***)");
    }
}
