//! The fields of an upload, and the checks of each.

use serde::Deserialize;
use serde_json::Value;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use super::errcodes::{
    ALL_DELIVERED_MISSING, BAD_ARGUMENT, COMPANY, COMPANY_LONG, DELIVERY_MODE, DESCRIPTION_EMPTY,
    DESCRIPTION_LONG, LIST_LENGTH, LIST_LONG, LOGISTICS_TYPE, MCHID_MISSING, NUMBER_LONG, NUMBER_MISSING,
    NUMBER_TYPE, OTHER_PAYER, SPLIT_NOT_EXPRESS, TRADE_NO_MISSING, TRANSACTION_MISSING, UPLOAD_TIME,
};
use super::express_companies::{SF, is_known};
use super::query::PaymentName;
use crate::base::platform::{Errcode, NOT_JSON};
use crate::core::clock::SECOND;
use crate::pay::ledger::shipping::parcel::{LogisticsType, Parcel};
use crate::pay::ledger::shipping::shipment::Upload;

#[derive(Deserialize)]
pub(super) struct UploadBody {
    /// It belongs into the query, and a body with it is refused.
    access_token: Option<Value>,
    order_key: Option<OrderKey>,
    logistics_type: Option<i64>,
    /// A number. The text of the page's example, `UNIFIED_DELIVERY`, is refused.
    delivery_mode: Option<i64>,
    is_all_delivered: Option<bool>,
    shipping_list: Option<Vec<Item>>,
    upload_time: Option<String>,
    payer: Option<Payer>,
}

#[derive(Deserialize)]
struct OrderKey {
    order_number_type: Option<i64>,
    transaction_id: Option<String>,
    mchid: Option<String>,
    out_trade_no: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    tracking_no: Option<String>,
    express_company: Option<String>,
    item_desc: Option<String>,
    contact: Option<Contact>,
}

#[derive(Deserialize)]
struct Contact {
    consignor_contact: Option<String>,
    receiver_contact: Option<String>,
}

#[derive(Deserialize)]
struct Payer {
    openid: Option<String>,
}

/// What was entered, with all fields in order.
pub(super) struct UploadForm {
    pub(super) payment: PaymentName,
    pub(super) openid: String,
    pub(super) upload: Upload,
}

impl UploadBody {
    pub(super) fn check(self) -> Result<UploadForm, Errcode> {
        if self.access_token.is_some() {
            return Err(NOT_JSON);
        }
        let payment = self.order_key.ok_or(NUMBER_TYPE)?.check()?;
        let logistics_type =
            self.logistics_type.and_then(LogisticsType::from_number).ok_or(LOGISTICS_TYPE)?;
        let split = match self.delivery_mode {
            Some(1) => false,
            Some(2) => true,
            _ => return Err(DELIVERY_MODE),
        };
        if split && logistics_type != LogisticsType::Express {
            return Err(SPLIT_NOT_EXPRESS);
        }
        let all_delivered = match self.is_all_delivered {
            None if split => return Err(ALL_DELIVERED_MISSING),
            Some(all_delivered) if split => all_delivered,
            _ => true,
        };
        let items = self.shipping_list.filter(|items| !items.is_empty()).ok_or(LIST_LENGTH)?;
        if items.len() > MAX_PARCELS {
            return Err(LIST_LONG);
        }
        if !split && items.len() != 1 {
            return Err(LIST_LENGTH);
        }
        let at = upload_time(self.upload_time.as_deref().unwrap_or_default())?;
        let parcels = items.into_iter().map(|item| item.check(logistics_type, at));
        let parcels = parcels.collect::<Result<_, _>>()?;
        let openid = self.payer.and_then(|payer| given(payer.openid)).ok_or(OTHER_PAYER)?;
        let upload = Upload { logistics_type, split, all_delivered, parcels, at };
        Ok(UploadForm { payment, openid, upload })
    }
}

impl OrderKey {
    fn check(self) -> Result<PaymentName, Errcode> {
        match self.order_number_type {
            Some(1) => {
                let number = given(self.out_trade_no).ok_or(TRADE_NO_MISSING)?;
                Ok(PaymentName::of_order(given(self.mchid).ok_or(MCHID_MISSING)?, number))
            }
            Some(2) => {
                Ok(PaymentName::of_transaction(given(self.transaction_id).ok_or(TRANSACTION_MISSING)?))
            }
            _ => Err(NUMBER_TYPE),
        }
    }
}

impl Item {
    fn check(self, logistics_type: LogisticsType, at: u64) -> Result<Parcel, Errcode> {
        let item_desc = given(self.item_desc).ok_or(DESCRIPTION_EMPTY)?;
        if item_desc.chars().count() > 120 {
            return Err(DESCRIPTION_LONG);
        }
        let contact = self
            .contact
            .and_then(|contact| given(contact.receiver_contact).or_else(|| given(contact.consignor_contact)));
        let upload_time = at / SECOND;
        if logistics_type != LogisticsType::Express {
            let (tracking_no, express_company) = Default::default();
            return Ok(Parcel { tracking_no, express_company, item_desc, upload_time, contact });
        }
        let tracking_no = given(self.tracking_no).ok_or(NUMBER_MISSING)?;
        let express_company = given(self.express_company).ok_or(COMPANY)?;
        if tracking_no.len() > 128 {
            return Err(NUMBER_LONG);
        }
        if express_company.len() > 128 {
            return Err(COMPANY_LONG);
        }
        if !is_known(&express_company) {
            return Err(COMPANY);
        }
        if contact.as_deref().is_some_and(|contact| !is_masked(contact))
            || (express_company == SF && contact.is_none())
        {
            return Err(BAD_ARGUMENT);
        }
        Ok(Parcel { tracking_no, express_company, item_desc, upload_time, contact })
    }
}

/// Whether a phone number is masked so that only its end can be read: `189****1234`, `+86-177****1234`.
fn is_masked(contact: &str) -> bool {
    let Some((head, tail)) = contact.split_once("****") else { return false };
    tail.len() == 4
        && tail.bytes().all(|byte| byte.is_ascii_digit())
        && head.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-'))
}

/// Reads RFC 3339 with milliseconds in China's time. An offset without a colon is refused as no JSON, which is what WeChat does.
fn upload_time(text: &str) -> Result<u64, Errcode> {
    if text.ends_with("+0800") {
        return Err(NOT_JSON);
    }
    let moment = OffsetDateTime::parse(text, UPLOAD).map_err(|_| UPLOAD_TIME)?;
    if UtcOffset::from_hms(8, 0, 0) != Ok(moment.offset()) {
        return Err(UPLOAD_TIME);
    }
    u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).map_err(|_| UPLOAD_TIME)
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

const UPLOAD: &[BorrowedFormatItem<'_>] = format_description!(
    "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3][offset_hour sign:mandatory]:[offset_minute]"
);

/// How many parcels an upload has at most: WeChat's page says 15, its errcode 10.
const MAX_PARCELS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_milliseconds_and_the_offset_of_china() {
        assert_eq!(upload_time("2022-12-15T13:29:35.120+08:00"), Ok(1_671_082_175_120));
        assert_eq!(upload_time("2022-12-15T13:29:35.120+0800"), Err(NOT_JSON));
        for wrong in
            ["", "2022-12-15T13:29:35+08:00", "2022-12-15T05:29:35.120Z", "2022-12-15T05:29:35.120+00:00"]
        {
            assert_eq!(upload_time(wrong), Err(UPLOAD_TIME), "{wrong}");
        }
    }

    #[test]
    fn a_masked_number_ends_with_four_digits() {
        for good in ["189****1234", "+86-177****1234", "****1234"] {
            assert!(is_masked(good), "{good}");
        }
        for bad in ["18912341234", "189****123", "189****12345", "a****1234", ""] {
            assert!(!is_masked(bad), "{bad}");
        }
    }
}
