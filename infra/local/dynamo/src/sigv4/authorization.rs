//! The header `Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.

/// The parts of the header `Authorization`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AuthorizationHeader<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) scope: CredentialScope<'a>,
    pub(super) signed_headers: Vec<&'a str>,
    pub(super) signature: &'a str,
}

/// The credential scope: the day, region and service for which the signing key is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CredentialScope<'a> {
    /// The day, as `20260101`.
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

impl<'a> AuthorizationHeader<'a> {
    pub(super) fn parse(header: &'a str) -> Option<Self> {
        let mut fields = header.strip_prefix(ALGORITHM)?.split(',').map(str::trim);
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        fields.try_for_each(|field| {
            let (name, value) = field.split_once('=')?;
            let place = match name {
                "Credential" => &mut credential,
                "Signature" => &mut signature,
                "SignedHeaders" => &mut signed_headers,
                _ => return None,
            };
            place.replace(value).is_none().then_some(())
        })?;
        let mut credential = credential?.rsplitn(5, '/');
        if credential.next()? != TERMINATOR {
            return None;
        }
        let (service, region, date) = (credential.next()?, credential.next()?, credential.next()?);
        Some(Self {
            access_key_id: credential.next()?,
            scope: CredentialScope { date, region, service },
            signed_headers: signed_headers?.split(';').collect(),
            signature: signature?,
        })
    }
}

impl std::fmt::Display for CredentialScope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
pub(super) const TERMINATOR: &str = "aws4_request";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_parsed_into_its_parts() {
        let header = "AWS4-HMAC-SHA256 Credential=Order/20260101/us-east-1/dynamodb/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=ab";
        let parsed = AuthorizationHeader::parse(header).unwrap();
        assert_eq!(parsed.access_key_id, "Order");
        assert_eq!(parsed.scope.to_string(), "20260101/us-east-1/dynamodb/aws4_request");
        assert_eq!(parsed.signed_headers, ["host", "x-amz-date"]);
        assert_eq!(parsed.signature, "ab");
    }

    #[test]
    fn incomplete_and_double_fields_are_refused() {
        for header in [
            "Bearer x",
            "AWS4-HMAC-SHA256 Credential=A/20260101/r/s/aws4_request, SignedHeaders=host",
            "AWS4-HMAC-SHA256 Credential=A/r/s/aws4_request, SignedHeaders=host, Signature=a",
            "AWS4-HMAC-SHA256 Credential=A/d/r/s/aws4_request, SignedHeaders=host, Signature=a, Signature=b",
            "AWS4-HMAC-SHA256 Credential=A/d/r/s/other, SignedHeaders=host, Signature=a",
        ] {
            assert_eq!(AuthorizationHeader::parse(header), None, "{header}");
        }
    }
}
