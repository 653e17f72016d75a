//! Secret access keys. The operator has one; the key of each function is derived from it, so that no function can sign as
//! another.

use crate::sigv4::hash::{hex, hmac_sha256};

/// The access key id of the operator, who has every permission.
pub const OPERATOR: &str = "operator";

/// The secret access key of a caller.
pub(crate) fn secret_access_key(operator_secret: &str, caller: &str) -> String {
    if caller == OPERATOR {
        return operator_secret.to_owned();
    }
    hex(&hmac_sha256(operator_secret.as_bytes(), format!("access key of {caller}").as_bytes()))
}
