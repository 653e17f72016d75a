//! A URL that downloads one object: Signature Version 4 in the query.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::{fmt::Write, time::Duration};

use super::{ALGORITHM, BucketAddress, Signer, day_of};
use crate::{
    crypto::{hex, sha256},
    types::UnixSeconds,
};

/// The URL of the object, signed at `now` for `lifetime`.
pub(super) fn sign(
    signer: &Signer,
    address: &BucketAddress,
    key: &str,
    now: UnixSeconds,
    lifetime: Duration,
) -> String {
    let amz_date = now.to_amz_date();
    let day = day_of(&amz_date);
    let path = format!("{}{}", address.path, encode(key, "/"));
    // In the order of the names, because that is the order of a canonical request.
    let mut query = format!(
        "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={amz_date}&X-Amz-Expires={}",
        encode(&signer.credential(day), ""),
        lifetime.as_secs()
    );
    if let Some(token) = signer.credentials.session_token() {
        let _ = write!(query, "&X-Amz-Security-Token={}", encode(token, ""));
    }
    query.push_str("&X-Amz-SignedHeaders=host");
    let canonical = format!("GET\n{path}\n{query}\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD", address.host);
    let hash = hex(&sha256(canonical.as_bytes()));
    let signature = signer.sign(day, &format!("{ALGORITHM}\n{amz_date}\n{}\n{hash}", signer.scope(day)));
    format!("{}{}{path}?{query}&X-Amz-Signature={signature}", address.scheme, address.host)
}

/// Percent-encodes everything but unreserved characters and those in `also_plain`.
pub(super) fn encode(text: &str, also_plain: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        let plain = char::from(byte);
        if plain.is_ascii_alphanumeric() || "-._~".contains(plain) || also_plain.contains(plain) {
            encoded.push(plain);
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
