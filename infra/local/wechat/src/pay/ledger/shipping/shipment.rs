//! The shipment of one payment.

use serde::{Deserialize, Serialize};

use super::parcel::{LogisticsType, Parcel, add_parcels};
use super::{RECEIVE_AFTER, SETTLE_AFTER};

/// The shipment of one payment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Shipment {
    pub(crate) logistics_type: Option<LogisticsType>,
    /// Whether it is sent in several parcels (split delivery).
    pub(crate) split: bool,
    pub(crate) parcels: Vec<Parcel>,
    /// How many times everything was shipped: 2 after the one change that WeChat allows.
    pub(crate) finish_count: u8,
    /// How many uploads were accepted.
    pub(crate) uploads: u32,
    /// The `upload_time` of the last upload, in unix milliseconds.
    pub(crate) uploaded: u64,
    /// When everything was shipped for the first time, in unix milliseconds.
    pub(crate) shipped: Option<u64>,
    pub(crate) receipt: Option<Receipt>,
    /// Whether a complaint was open when it was time to settle.
    #[serde(default)]
    pub(crate) is_held_up: bool,
    /// When the money was settled, in unix milliseconds.
    pub(crate) settled: Option<u64>,
    /// Whether WeChat has asked the merchant to ship.
    pub(crate) shipping_reminded: bool,
    /// Whether the merchant has made WeChat ask the buyer to confirm the receipt.
    pub(crate) receipt_reminded: bool,
}

/// The confirmation of a receipt.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Receipt {
    /// Unix milliseconds.
    pub(crate) at: u64,
    /// `confirm_receive_method`: 1 by time, 2 by the buyer.
    pub(crate) method: u8,
}

/// A paid order with its shipping, as the simulator shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShippingEntry {
    /// The merchant's number of the order.
    pub out_trade_no: String,
    /// WeChat's number of the payment.
    pub transaction_id: String,
    /// 1 to ship, 2 shipped, 3 receipt confirmed, 4 done, 5 refunded, 6 awaiting settlement.
    pub order_state: u8,
    /// Whether WeChat keeps the money.
    pub frozen: bool,
    /// The parcels.
    pub parcels: Vec<Parcel>,
    /// How many uploads were accepted.
    pub uploads: u32,
    /// How many times everything was shipped: 2 after the one change that WeChat allows.
    pub finish_count: u8,
    /// Whether the buyer was asked to confirm the receipt (`notify_confirm_receive`).
    pub reminded: bool,
}

/// What the merchant enters.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) logistics_type: LogisticsType,
    pub(crate) split: bool,
    /// Whether nothing more will follow.
    pub(crate) all_delivered: bool,
    pub(crate) parcels: Vec<Parcel>,
    /// `upload_time`, in unix milliseconds.
    pub(crate) at: u64,
}

/// The reason why an upload is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UploadRefusal {
    /// `upload_time` does not grow.
    NotLater,
    /// Everything was shipped, and a further parcel is entered.
    AllShipped,
    /// The one change was used.
    ChangeUsed,
    /// The receipt was confirmed.
    Received,
    TooManyParcels,
    Unchanged,
}

impl Shipment {
    /// Enters an upload. Returns whether everything is shipped now for the first time.
    pub(crate) fn enter(&mut self, upload: Upload, now: u64) -> Result<bool, UploadRefusal> {
        if self.receipt.is_some() {
            return Err(UploadRefusal::Received);
        }
        if upload.at <= self.uploaded {
            return Err(UploadRefusal::NotLater);
        }
        if self.finish_count > 0 && self.is_unchanged_by(&upload) {
            return Err(UploadRefusal::Unchanged);
        }
        match self.finish_count {
            0 => {}
            1 if !upload.all_delivered => return Err(UploadRefusal::AllShipped),
            1 => self.parcels.clear(),
            _ => return Err(UploadRefusal::ChangeUsed),
        }
        let mut parcels = self.parcels.clone();
        add_parcels(&mut parcels, upload.parcels);
        if parcels.len() > MAX_PARCELS {
            return Err(UploadRefusal::TooManyParcels);
        }
        self.parcels = parcels;
        self.logistics_type = Some(upload.logistics_type);
        self.split = upload.split;
        self.uploads = self.uploads.saturating_add(1);
        self.uploaded = upload.at;
        let mut first = false;
        if upload.all_delivered {
            self.finish_count = self.finish_count.saturating_add(1);
            first = self.shipped.is_none();
            self.shipped.get_or_insert(now);
        }
        Ok(first)
    }

    /// Confirms the receipt if its time has come.
    pub(super) fn receive_when_due(&mut self, now: u64) {
        let due = self.shipped.map(|shipped| shipped.saturating_add(RECEIVE_AFTER));
        if let Some(due) = due.filter(|due| self.receipt.is_none() && now >= *due) {
            self.receipt = Some(Receipt { at: due, method: BY_TIME });
        }
    }

    /// Settles if its time has come and no complaint is open; when it was settled. What a complaint held up is settled when it has ended,
    /// not at the time before.
    pub(super) fn settle_when_due(&mut self, now: u64, in_complaint: bool) -> Option<u64> {
        let due = self.receipt?.at.saturating_add(SETTLE_AFTER);
        if self.settled.is_some() || now < due {
            return None;
        }
        if in_complaint {
            self.is_held_up = true;
            return None;
        }
        self.settled = Some(if self.is_held_up { now } else { due });
        self.settled
    }

    /// When time changes something next: the reminder to ship is due at `reminder_due`. `u64::MAX` if it never does. A settlement that a
    /// complaint holds up stays due.
    pub(super) fn next_due(&self, reminder_due: u64) -> u64 {
        match (self.shipped, self.receipt) {
            _ if self.settled.is_some() => u64::MAX,
            (_, Some(receipt)) => receipt.at.saturating_add(SETTLE_AFTER),
            (Some(shipped), None) => shipped.saturating_add(RECEIVE_AFTER),
            (None, None) if self.shipping_reminded => u64::MAX,
            (None, None) => reminder_due,
        }
    }

    /// The buyer confirms the receipt; `false` if it is not shipped or was confirmed before.
    pub(crate) fn confirm_receipt(&mut self, now: u64) -> bool {
        let confirms = self.shipped.is_some() && self.receipt.is_none();
        if confirms {
            self.receipt = Some(Receipt { at: now, method: BY_BUYER });
        }
        confirms
    }

    fn is_unchanged_by(&self, upload: &Upload) -> bool {
        self.logistics_type == Some(upload.logistics_type)
            && self.parcels.len() == upload.parcels.len()
            && self.parcels.iter().zip(&upload.parcels).all(|(known, new)| known.is_same(new))
    }
}

/// How many parcels a shipment has at most.
const MAX_PARCELS: usize = 10;

/// `confirm_receive_method`. WeChat's page and what it sends differ; this is what it sends.
const BY_TIME: u8 = 1;
const BY_BUYER: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::clock::{DAY, HOUR};

    fn parcel(number: &str) -> Parcel {
        Parcel {
            tracking_no: number.to_owned(),
            express_company: "YTO".to_owned(),
            item_desc: "矿泉水".to_owned(),
            upload_time: 0,
            contact: None,
        }
    }

    fn upload(numbers: &[&str], all_delivered: bool, at: u64) -> Upload {
        let parcels = numbers.iter().map(|number| parcel(number)).collect();
        Upload { logistics_type: LogisticsType::Express, split: true, all_delivered, parcels, at }
    }

    #[test]
    fn parcels_follow_until_all_are_shipped_and_then_one_change_is_left() {
        let mut shipment = Shipment::default();
        assert_eq!(shipment.enter(upload(&["1"], false, 1), 1), Ok(false));
        assert_eq!(shipment.enter(upload(&["1", "2"], true, 2), 2), Ok(true));
        assert_eq!(shipment.parcels.len(), 2);
        assert_eq!(shipment.enter(upload(&["1", "2"], true, 3), 3), Err(UploadRefusal::Unchanged));
        assert_eq!(shipment.enter(upload(&["3"], false, 3), 3), Err(UploadRefusal::AllShipped));
        assert_eq!(shipment.enter(upload(&["3"], true, 3), 3), Ok(false));
        assert_eq!((shipment.parcels.len(), shipment.finish_count), (1, 2));
        assert_eq!(shipment.enter(upload(&["4"], true, 4), 4), Err(UploadRefusal::ChangeUsed));
    }

    #[test]
    fn an_upload_must_be_later_and_has_ten_parcels_at_most() {
        let mut shipment = Shipment::default();
        let many: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(shipment.enter(upload(&many, false, 5), 5), Ok(false));
        assert_eq!(shipment.enter(upload(&["10"], true, 5), 5), Err(UploadRefusal::NotLater));
        assert_eq!(shipment.enter(upload(&["10"], true, 6), 6), Err(UploadRefusal::TooManyParcels));
        assert_eq!(shipment.enter(upload(&["9"], true, 6), 6), Ok(true));
    }

    #[test]
    fn a_receipt_is_confirmed_once_and_settled_unless_there_is_a_complaint() {
        let mut shipment = Shipment::default();
        assert!(!shipment.confirm_receipt(0));
        shipment.enter(upload(&["1"], true, 1), 1).unwrap();
        shipment.receive_when_due(10 * DAY);
        assert!(shipment.receipt.is_none());
        shipment.receive_when_due(10 * DAY + 1);
        assert!(!shipment.confirm_receipt(11 * DAY));
        assert_eq!(shipment.settle_when_due(10 * DAY + 3 * HOUR, false), None);
        let mut complained_of = shipment.clone();
        assert_eq!(shipment.settle_when_due(11 * DAY, false), Some(10 * DAY + 3 * HOUR + 1));
        assert_eq!(shipment.settle_when_due(12 * DAY, false), None);
        assert_eq!(complained_of.settle_when_due(11 * DAY, true), None);
        assert_eq!(
            complained_of.settle_when_due(12 * DAY, false),
            Some(12 * DAY),
            "when the complaint has ended"
        );
        assert_eq!(shipment.enter(upload(&["2"], true, 2), 2), Err(UploadRefusal::Received));
    }
}
