//! A bill of any length, line by line, and the rows that our tables have for it.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use shared::types::{Day, OrderId, OutTradeNo};

use crate::deployment::{APP_ID, MERCHANT_ID};

/// A bill: so many payments of 2 yuan, each of another order and user.
#[derive(Debug, Clone, Copy)]
pub(super) struct BillText {
    pub(super) day: Day,
    pub(super) lines: u64,
}

impl BillText {
    /// Writes the bill as WeChat Pay packs it.
    ///
    /// # Errors
    /// The sink refuses it.
    pub(super) fn write(self, sink: impl Write) -> io::Result<()> {
        let mut out = GzEncoder::new(sink, Compression::fast());
        write!(out, "{HEADER}\r\n")?;
        let (day, mut line) = (self.day.to_pay_v3(), String::new());
        for number in 0..self.lines {
            line.clear();
            let yuan = if number == OTHER_FEE { "1.50" } else { "2.00" };
            let no =
                if number == MISSING_HERE { "TILL-7".to_owned() } else { out_trade_no(self.day, number) };
            let openid = openid(number);
            let transaction_id = transaction_id(number);
            write!(
                line,
                "`{day} 12:{:02}:{:02},`{APP_ID},`{MERCHANT_ID},`0,`,`{transaction_id},`{no},`{openid},`JSAPI,`SUCCESS,`OTHERS,\
                 `CNY,`{yuan},`0.00,`0,`0,`0.00,`0.00,`,`,`月饼礼盒,`,`0.01000,`0.60%,`{yuan},`0.00,`\r\n",
                number / 60 % 60,
                number % 60,
            )
            .map_err(io::Error::other)?;
            out.write_all(line.as_bytes())?;
        }
        let fen = self.lines * 200 - 50;
        let (sum, fees) = (yuan(fen), yuan(self.lines));
        write!(out, "{SUMMARY}\r\n`{},`{sum},`0.00,`0.00,`{fees},`{sum},`0.00\r\n", self.lines)?;
        out.finish()?.flush()
    }

    /// The row of a payment, if our tables have it.
    pub(super) fn row(self, transaction_id: &str) -> Option<Value> {
        let number = transaction_id.get(18..)?.parse().ok()?;
        if number == MISSING_HERE || number > self.lines {
            return None;
        }
        Some(json!({
            "transaction_id": { "S": transaction_id },
            "out_trade_no": { "S": out_trade_no(self.day, number) },
            "order_id": { "S": order_id(self.day, number).to_string() },
            "total_fee": { "N": "200" },
            "currency": { "S": "CNY" },
            "openid": { "S": openid(number) },
            "paid_at": { "N": self.day.begins().get().to_string() },
            "source": { "S": "NOTICE" },
            "recorded_at": { "N": self.day.begins().get().to_string() },
            "verdict": { "S": "PAID_THE_ORDER" },
            "refundable_fee": { "N": "200" },
            "refunds": { "N": "0" },
            "unbilled": { "S": format!("{}#00", self.day) },
        }))
    }

    /// The numbers of `shard` after `after`, at most `limit` of them. The last of all is one that the bill lacks.
    pub(super) fn page(self, shard: u64, after: Option<&str>, limit: usize) -> Vec<String> {
        let last = after.and_then(|id| id.get(18..)?.parse::<u64>().ok());
        let first = last.map_or(shard, |last| last + SHARDS);
        let numbers = (first..=self.lines).step_by(STEP).filter(|number| *number != MISSING_HERE);
        numbers.take(limit).map(transaction_id).collect()
    }
}

fn transaction_id(number: u64) -> String {
    format!("4200{:014}{number:010}", scatter(number) % 100_000_000_000_000)
}

fn out_trade_no(day: Day, number: u64) -> String {
    OutTradeNo::first(order_id(day, number)).to_string()
}

fn order_id(day: Day, number: u64) -> OrderId {
    let mut random = [0; 10];
    random.iter_mut().zip(scatter(number).to_be_bytes()).for_each(|(to, from)| *to = from);
    OrderId::new(day.begins(), random)
}

fn openid(number: u64) -> String {
    format!("o{:016x}{:011}", scatter(number.wrapping_add(1 << 40)), scatter(number) % 100_000_000_000)
}

fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// A number that looks random, as those of real bills do, by `SplitMix64`.
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

const HEADER: &str = "\u{feff}交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,\
    货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,\
    费率,订单金额,申请退款金额,费率备注";
const SUMMARY: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";
/// Shards of the index that lists a day's payments.
const SHARDS: u64 = 16;
const STEP: usize = 16;
/// The line whose sum is not that of our tables.
const OTHER_FEE: u64 = 7;
/// The line whose payment our tables lack.
const MISSING_HERE: u64 = 8;
/// The fewest lines of a bill with these.
pub(super) const FEWEST: u64 = 10;
