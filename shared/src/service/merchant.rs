//! The merchant's clients of WeChat Pay, joined with the table in which functions share its platform certificates.

use crate::{
    host::{Host, HostError},
    pay::{NoticeReceiver, PayClient},
    store::PlatformCertificates,
};

/// The client of WeChat Pay.
///
/// # Errors
/// As [`PayClient::new`] and [`PlatformCertificates::new`].
pub fn pay_client(host: &Host) -> Result<PayClient, HostError> {
    PayClient::new(host, Box::new(PlatformCertificates::new(host)?))
}

/// The receiver of WeChat Pay's notices.
///
/// # Errors
/// As [`NoticeReceiver::new`] and [`PlatformCertificates::new`].
pub fn notice_receiver(host: &Host) -> Result<NoticeReceiver, HostError> {
    NoticeReceiver::new(host, Box::new(PlatformCertificates::new(host)?))
}
