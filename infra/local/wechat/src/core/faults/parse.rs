//! Parses faults from JSON and checks that they can happen: known name, known path, numbers in range.

use std::net::IpAddr;

use serde_json::Value;
use thiserror::Error;

use super::fault::Fault;
use crate::core::family::{Family, RouteTable};
use crate::core::refund_status::RefundStatus;

/// Why a fault was not accepted.
#[derive(Debug, Error)]
pub(crate) enum FaultError {
    /// The JSON is not a fault: the name is unknown, or a field is missing, unknown or of the wrong type.
    #[error("not a fault: {0}")]
    NotAFault(#[from] serde_json::Error),
    /// No route has this path, so the fault would never happen.
    #[error("unknown path {path}; known paths: {known}")]
    UnknownPath {
        /// The path in the fault.
        path: String,
        /// All paths that the simulator has.
        known: String,
    },
    /// The fault does not apply to the family of this path.
    #[error(
        "fault {fault} does not apply to {path}: errcode, ip_refused and quota are the platform's, \
         token_revoked is of APIs with an access_token, json_instead_of_image and image_as_text_plain of \
         those that answer pictures, err_code and bad_sign are Pay's, signature_probe, clock_skew and \
         key_rotation are Pay v3's"
    )]
    WrongFamily {
        /// The fault's name.
        fault: &'static str,
        /// The path.
        path: String,
    },
    /// A number or an address is out of range.
    #[error("{0}")]
    OutOfRange(&'static str),
}

impl Fault {
    /// Parses one fault or a list of faults.
    pub(crate) fn parse_list(json: Value) -> Result<Vec<Self>, FaultError> {
        let items = match json {
            Value::Array(items) => items,
            single => vec![single],
        };
        Ok(items.into_iter().map(serde_json::from_value).collect::<Result<_, serde_json::Error>>()?)
    }

    /// Refuses a fault that could never happen with these routes.
    pub(crate) fn check(&self, routes: &RouteTable) -> Result<(), FaultError> {
        if self.times() == Some(0) {
            return Err(FaultError::OutOfRange("times must be at least 1"));
        }
        if matches!(self, Self::HttpStatus { status, .. } if !(200..=599).contains(status)) {
            return Err(FaultError::OutOfRange("status must be between 200 and 599"));
        }
        if matches!(self, Self::RefundOutcome { status: RefundStatus::Processing, .. }) {
            return Err(FaultError::OutOfRange("status must be SUCCESS, ABNORMAL or CLOSED"));
        }
        if matches!(self, Self::IpRefused { address, .. } if address.parse::<IpAddr>().is_err()) {
            return Err(FaultError::OutOfRange("address must be an IPv4 or IPv6 address"));
        }
        let Some(path) = self.path() else { return Ok(()) };
        let Some(family) = routes.family_of(path) else {
            return Err(FaultError::UnknownPath { path: path.to_owned(), known: routes.paths().join(", ") });
        };
        let applies = match self {
            Self::Errcode { .. } | Self::IpRefused { .. } | Self::Quota { .. } => !family.is_pay(),
            Self::TokenRevoked { .. } => family.needs_token(),
            Self::JsonInsteadOfImage { .. } | Self::ImageAsTextPlain { .. } => family == Family::Picture,
            Self::ErrCode { .. } | Self::BadSign { .. } => family.is_pay(),
            Self::SignatureProbe { .. } | Self::ClockSkew { .. } | Self::KeyRotation { .. } => {
                family == Family::PayV3
            }
            _ => true,
        };
        if applies {
            Ok(())
        } else {
            Err(FaultError::WrongFamily { fault: self.name(), path: path.to_owned() })
        }
    }
}
