//! Writes a bill: UTF-8 with a BOM, lines that end with CR LF, a back-tick before each value, commas between values without
//! escapes, and a summary at the end.
//!
//! Amounts are yuan with two decimals, charges have five. WeChat Pay charges 0.60 % of each payment, rounded half up to the fen,
//! and returns the charge with a refund.

use super::bill_request::BillType;
use super::rows::BillRow;
use crate::core::account::Account;
use crate::core::clock;
use crate::pay::ledger::refunds::Refund;

/// A column: its heading, and the function that makes its values.
type Column = (&'static str, fn(&BillRow, &Account) -> String);

/// Writes the whole file.
pub(super) fn write(rows: &[BillRow], bill_type: BillType, account: &Account) -> String {
    let columns: &[Column] = match bill_type {
        BillType::All => &ALL,
        BillType::Success => &SUCCESS,
        BillType::Refund => &REFUND,
    };
    let headings: Vec<_> = columns.iter().map(|(heading, _)| *heading).collect();
    let mut text = format!("\u{feff}{}\r\n", headings.join(","));
    for row in rows {
        push(&mut text, columns.iter().map(|(_, value)| value(row, account)));
    }
    text.push_str(SUMMARY);
    text.push_str("\r\n");
    push(&mut text, summary(rows));
    text
}

fn push(text: &mut String, values: impl IntoIterator<Item = String>) {
    let values: Vec<_> = values.into_iter().map(|value| format!("`{value}")).collect();
    text.push_str(&values.join(","));
    text.push_str("\r\n");
}

fn summary(rows: &[BillRow]) -> [String; 7] {
    let paid: u64 = rows.iter().map(paid).sum();
    let refunded: u64 = rows.iter().map(refunded).sum();
    let charged: i128 = rows.iter().map(charge).sum();
    [
        rows.len().to_string(),
        yuan(paid),
        yuan(refunded),
        yuan(0),
        charge_yuan(charged),
        yuan(paid),
        yuan(refunded),
    ]
}

/// The amount of a payment in fen; 0 in a refund's row.
fn paid(row: &BillRow) -> u64 {
    if row.refund.is_some() { 0 } else { row.total_fee }
}

/// The amount of a refund in fen; 0 in a payment's row.
fn refunded(row: &BillRow) -> u64 {
    row.refund.as_ref().map(|refund| refund.entry.refund_fee).unwrap_or_default()
}

/// The charge in fen; negative in a refund's row, because WeChat Pay returns it.
fn charge(row: &BillRow) -> i128 {
    let of = |fen: u64| (i128::from(fen) * 60 + 5000) / 10_000;
    match &row.refund {
        Some(refund) => -of(refund.entry.refund_fee),
        None => of(row.total_fee) + i128::from(row.surcharge),
    }
}

fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

fn charge_yuan(fen: i128) -> String {
    let minus = if fen < 0 { "-" } else { "" };
    format!("{minus}{}.{:02}000", fen.abs() / 100, fen.abs() % 100)
}

/// A value of the refund; `otherwise` in a payment's row.
fn of_refund(row: &BillRow, otherwise: &str, value: fn(&Refund) -> String) -> String {
    row.refund.as_ref().map_or_else(|| otherwise.to_owned(), value)
}

const SUMMARY: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

const AT: Column = ("交易时间", |row, _| clock::wall_time(row.at));
const APP_ID: Column =
    ("公众账号ID", |row, account| row.app_id.clone().unwrap_or_else(|| account.app_id.clone()));
const MCH_ID: Column = ("商户号", |_, account| account.mch_id.clone());
const SUB_MCH_ID: Column = ("特约商户号", |_, _| "0".to_owned());
const DEVICE: Column = ("设备号", |row, _| row.device_info.clone());
const TRANSACTION: Column = ("微信订单号", |row, _| row.transaction_id.clone());
const ORDER: Column = ("商户订单号", |row, _| row.out_trade_no.clone());
const OPENID: Column = ("用户标识", |row, _| row.openid.clone());
const TRADE_TYPE: Column = ("交易类型", |_, _| "JSAPI".to_owned());
const TRADE_STATE: Column = ("交易状态", |row, _| of_refund(row, "SUCCESS", |_| "REFUND".to_owned()));
const BANK: Column = ("付款银行", |_, _| "OTHERS".to_owned());
const CURRENCY: Column = ("货币种类", |_, _| "CNY".to_owned());
const SETTLED: Column = ("应结订单金额", |row, _| yuan(paid(row)));
const COUPON: Column = ("代金券金额", |_, _| yuan(0));
const REFUND_AT: Column =
    ("退款申请时间", |row, _| of_refund(row, "", |refund| clock::wall_time(refund.created)));
const REFUNDED_AT: Column = ("退款成功时间", |row, _| {
    of_refund(row, "", |refund| refund.succeeded().map(clock::wall_time).unwrap_or_default())
});
const REFUND_ID: Column =
    ("微信退款单号", |row, _| of_refund(row, "0", |refund| refund.entry.refund_id.clone()));
const OUT_REFUND: Column =
    ("商户退款单号", |row, _| of_refund(row, "0", |refund| refund.entry.out_refund_no.clone()));
const REFUND_FEE: Column = ("退款金额", |row, _| yuan(refunded(row)));
const COUPON_REFUND: Column = ("充值券退款金额", |_, _| yuan(0));
const REFUND_TYPE: Column = ("退款类型", |row, _| of_refund(row, "", |_| "ORIGINAL".to_owned()));
const REFUND_STATE: Column =
    ("退款状态", |row, _| of_refund(row, "", |refund| refund.entry.status.v2().to_owned()));
const PRODUCT: Column = ("商品名称", |row, _| row.description.clone());
const ATTACH: Column = ("商户数据包", |row, _| row.attach.clone());
const CHARGE: Column = ("手续费", |row, _| charge_yuan(charge(row)));
const RATE: Column = ("费率", |_, _| "0.60%".to_owned());
const TOTAL: Column = ("订单金额", |row, _| yuan(paid(row)));
const REFUND_ASKED: Column = ("申请退款金额", |row, _| yuan(refunded(row)));
const REMARK: Column = ("费率备注", |_, _| String::new());

const ALL: [Column; 27] = [
    AT,
    APP_ID,
    MCH_ID,
    SUB_MCH_ID,
    DEVICE,
    TRANSACTION,
    ORDER,
    OPENID,
    TRADE_TYPE,
    TRADE_STATE,
    BANK,
    CURRENCY,
    SETTLED,
    COUPON,
    REFUND_ID,
    OUT_REFUND,
    REFUND_FEE,
    COUPON_REFUND,
    REFUND_TYPE,
    REFUND_STATE,
    PRODUCT,
    ATTACH,
    CHARGE,
    RATE,
    TOTAL,
    REFUND_ASKED,
    REMARK,
];

const SUCCESS: [Column; 20] = [
    AT,
    APP_ID,
    MCH_ID,
    SUB_MCH_ID,
    DEVICE,
    TRANSACTION,
    ORDER,
    OPENID,
    TRADE_TYPE,
    TRADE_STATE,
    BANK,
    CURRENCY,
    SETTLED,
    COUPON,
    PRODUCT,
    ATTACH,
    CHARGE,
    RATE,
    TOTAL,
    REMARK,
];

const REFUND: [Column; 29] = [
    AT,
    APP_ID,
    MCH_ID,
    SUB_MCH_ID,
    DEVICE,
    TRANSACTION,
    ORDER,
    OPENID,
    TRADE_TYPE,
    TRADE_STATE,
    BANK,
    CURRENCY,
    SETTLED,
    COUPON,
    REFUND_AT,
    REFUNDED_AT,
    REFUND_ID,
    OUT_REFUND,
    REFUND_FEE,
    COUPON_REFUND,
    REFUND_TYPE,
    REFUND_STATE,
    PRODUCT,
    ATTACH,
    CHARGE,
    RATE,
    TOTAL,
    REFUND_ASKED,
    REMARK,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn row(total_fee: u64) -> BillRow {
        BillRow {
            at: 1_700_000_042_000,
            transaction_id: "4200329252049536687864243889".to_owned(),
            out_trade_no: "order-0001".to_owned(),
            openid: "o5wQws1FH2FD2uaNtxmrc1jiG4dc".to_owned(),
            device_info: String::new(),
            description: "矿泉水,550ml".to_owned(),
            attach: "a=1".to_owned(),
            total_fee,
            app_id: None,
            surcharge: 0,
            refund: None,
        }
    }

    #[test]
    fn the_headings_are_those_of_the_documentation() {
        let text = write(&[row(101)], BillType::All, &Account::default());
        assert!(text.starts_with(
            "\u{feff}交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,\
             货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,\
             商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n"
        ));
    }

    #[test]
    fn a_row_has_a_back_tick_before_each_value_and_no_escapes() {
        let text = write(&[row(101)], BillType::All, &Account::default());
        assert_eq!(
            text.lines().nth(1),
            Some(
                "`2023-11-15 06:14:02,`wx5c4a1e0b7d3f9268,`1648203957,`0,`,`4200329252049536687864243889,`order-0001,\
                 `o5wQws1FH2FD2uaNtxmrc1jiG4dc,`JSAPI,`SUCCESS,`OTHERS,`CNY,`1.01,`0.00,`0,`0,`0.00,`0.00,`,`,\
                 `矿泉水,550ml,`a=1,`0.01000,`0.60%,`1.01,`0.00,`"
            )
        );
        assert_eq!(text.lines().nth(3), Some("`1,`1.01,`0.00,`0.00,`0.01000,`1.01,`0.00"));
    }

    #[test]
    fn the_charge_is_rounded_half_up_to_the_fen() {
        for (fen, shown) in
            [(1, "0.00000"), (83, "0.00000"), (84, "0.01000"), (10_000, "0.60000"), (250, "0.02000")]
        {
            assert_eq!(charge_yuan(charge(&row(fen))), shown, "{fen}");
        }
    }
}
