//! The errcodes of cards and codes.

use crate::base::platform::Errcode;

pub(super) const INVALID_CODE: Errcode = Errcode::new(40056, "invalid serial code");
pub(super) const INVALID_CARD_TYPE: Errcode = Errcode::new(40071, "invalid card type");
pub(super) const INVALID_CARD_ID: Errcode = Errcode::new(40073, "invalid card id");
pub(super) const INVALID_CARD_STATUS: Errcode = Errcode::new(40078, "invalid card status");
pub(super) const CONSUMED: Errcode = Errcode::new(40099, "invalid code, this code has consumed");
pub(super) const ABNORMAL: Errcode = Errcode::new(40127, "invalid user-card status");
