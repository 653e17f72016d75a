//! The columns of a bill: found by their names, because WeChat Pay adds and moves them.

use super::{BillError, BilledRefund, Line, Ours, PaymentLine, RefundLine, StrangeLine};
use crate::types::{OpenId, Rate, TransactionId, Yuan, YuanError};

/// Where which column stands.
pub(super) struct Columns {
    count: usize,
    /// 商品名称 and 商户数据包: whatever a merchant wrote, even what separates columns.
    free_text: Option<(usize, usize)>,
    app_id: usize,
    mch_id: usize,
    transaction_id: usize,
    out_trade_no: usize,
    openid: Option<usize>,
    currency: Option<usize>,
    state: usize,
    out_refund_no: usize,
    refund_state: usize,
    total: usize,
    settlement: usize,
    refund: usize,
    refund_settlement: usize,
    fee: usize,
    rate: Option<usize>,
    sums: [Option<usize>; SUMS.len()],
}

/// The amounts of a line, or of all lines so far, in the order of [`SUMS`].
pub(super) type Sums = [Yuan; SUMS.len()];

/// One line's values.
struct Values<'a> {
    columns: &'a Columns,
    fields: Vec<&'a str>,
    line: u64,
}

impl Columns {
    /// Reads the line with the names.
    pub(super) fn read(header: &str) -> Result<Self, BillError> {
        let names: Vec<&str> = header.trim_start_matches('\u{feff}').split(',').map(str::trim).collect();
        let find = |name: &str| names.iter().position(|one| *one == name);
        let need = |name: &'static str| find(name).ok_or(BillError::Column(name));
        Ok(Self {
            count: names.len(),
            free_text: find("商品名称").zip(find("商户数据包")).map(|(a, b)| (a.min(b), a.max(b))),
            app_id: need("公众账号ID")?,
            mch_id: need("商户号")?,
            transaction_id: need("微信订单号")?,
            out_trade_no: need("商户订单号")?,
            openid: find("用户标识"),
            currency: find("货币种类"),
            state: need("交易状态")?,
            out_refund_no: need("商户退款单号")?,
            refund_state: need("退款状态")?,
            total: need("订单金额")?,
            settlement: need("应结订单金额")?,
            refund: need("申请退款金额")?,
            refund_settlement: need("退款金额")?,
            fee: need("手续费")?,
            rate: find("费率"),
            sums: SUMS.map(|(name, _)| find(name)),
        })
    }

    /// What a line adds to the sums, and its meaning; `None` if it is of another app or merchant.
    pub(super) fn detail(
        &self,
        ours: &Ours,
        text: &str,
        line: u64,
    ) -> Result<(Sums, Option<Line>), BillError> {
        let values = Values { columns: self, fields: fields(text), line };
        values.fit()?;
        let mut sums = Sums::default();
        for ((sum, at), (name, _)) in sums.iter_mut().zip(self.sums).zip(SUMS) {
            if let Some(at) = at {
                *sum = values.yuan(at, name)?;
            }
        }
        let is_ours = values.get(self.app_id) == ours.app_id.as_str()
            && values.get(self.mch_id) == ours.mch_id.as_str();
        let meaning = if is_ours { Some(values.meaning()?) } else { None };
        Ok((sums, meaning))
    }
}

impl<'a> Values<'a> {
    /// Too few values, or too many where no free text explains them, are another form.
    fn fit(&self) -> Result<(), BillError> {
        let (found, expected) = (self.fields.len(), self.columns.count);
        if found < expected || (found > expected && self.columns.free_text.is_none()) {
            return Err(self.wrong("number of values"));
        }
        Ok(())
    }

    /// The value of a column. One behind the free text is counted from the end: a product may be called ``a,`b``.
    fn get(&self, column: usize) -> &'a str {
        let more = self.fields.len().saturating_sub(self.columns.count);
        let behind = self.columns.free_text.is_some_and(|(_, last)| column > last);
        let at = if behind { column.saturating_add(more) } else { column };
        self.fields.get(at).copied().unwrap_or_default().trim()
    }

    fn meaning(&self) -> Result<Line, BillError> {
        let columns = self.columns;
        let transaction_id = TransactionId::parse(self.get(columns.transaction_id));
        let transaction_id = transaction_id.map_err(|_| self.wrong("微信订单号"))?;
        let out_trade_no = number(self.get(columns.out_trade_no));
        let (fee, rate) = (self.yuan(columns.fee, "手续费")?, self.rate()?);
        Ok(match self.get(columns.state) {
            "SUCCESS" => Line::Payment(PaymentLine {
                transaction_id,
                out_trade_no,
                openid: self.optional(columns.openid).and_then(|text| OpenId::parse(text).ok()),
                currency: number(self.optional(columns.currency).unwrap_or("CNY")),
                total_fee: self.fen(columns.total, "订单金额")?,
                settlement_fee: self.fen(columns.settlement, "应结订单金额")?,
                fee,
                rate,
            }),
            "REFUND" => Line::Refund(RefundLine {
                transaction_id,
                out_trade_no,
                out_refund_no: number(self.get(columns.out_refund_no)),
                refund_fee: self.fen(columns.refund, "申请退款金额")?,
                settlement_fee: self.fen(columns.refund_settlement, "退款金额")?,
                state: match self.get(columns.refund_state) {
                    "SUCCESS" => BilledRefund::Success,
                    "PROCESSING" => BilledRefund::Processing,
                    _ => BilledRefund::Failed,
                },
                fee,
                rate,
            }),
            state => Line::Strange(StrangeLine {
                transaction_id,
                out_trade_no,
                state: number(state),
                total_fee: self.fen(columns.total, "订单金额")?,
            }),
        })
    }

    fn yuan(&self, column: usize, name: &'static str) -> Result<Yuan, BillError> {
        Yuan::parse(self.get(column)).map_err(|_| self.wrong(name))
    }

    fn fen(&self, column: usize, name: &'static str) -> Result<u64, BillError> {
        self.yuan(column, name)?.whole_fen().map_err(|_: YuanError| self.wrong(name))
    }

    fn rate(&self) -> Result<Option<Rate>, BillError> {
        let text = self.optional(self.columns.rate);
        text.map(Rate::parse).transpose().map_err(|_| self.wrong("费率"))
    }

    /// What is not told is empty or `0`.
    fn optional(&self, column: Option<usize>) -> Option<&'a str> {
        column.map(|column| self.get(column)).filter(|text| !matches!(*text, "" | "0"))
    }

    fn wrong(&self, column: &'static str) -> BillError {
        BillError::Value { line: self.line, column }
    }
}

/// Compares the bill's summary with what its lines add up to.
pub(super) fn check_summary(
    header: &str,
    text: &str,
    line: u64,
    lines: u64,
    sums: &Sums,
) -> Result<(), BillError> {
    let names: Vec<&str> = header.split(',').map(str::trim).collect();
    let values = fields(text);
    let find = |name: &'static str| {
        let at = names.iter().position(|one| *one == name)?;
        values.get(at).map(|value| value.trim())
    };
    let count = find(COUNT).ok_or(BillError::Column(COUNT))?;
    if count.parse() != Ok(lines) {
        return Err(BillError::Summary(COUNT));
    }
    for ((_, name), sum) in SUMS.into_iter().zip(sums) {
        let Some(text) = find(name) else {
            if NEEDED.contains(&name) {
                return Err(BillError::Column(name));
            }
            continue;
        };
        let told = Yuan::parse(text).map_err(|_| BillError::Value { line, column: name })?;
        // A sum of fees may be told to the fen, whatever the fees themselves have behind it.
        if told != *sum && told != sum.to_the_fen() {
            return Err(BillError::Summary(name));
        }
    }
    Ok(())
}

/// Every value has a back-tick before it, so that a comma alone separates nothing.
fn fields(text: &str) -> Vec<&str> {
    text.strip_prefix('`').unwrap_or(text).split(",`").collect()
}

/// A number or a name as it can stand in a log: no more than 64 visible characters.
fn number(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(64).collect()
}

/// Columns that the summary adds up, and what it calls the sums.
pub(super) const SUMS: [(&str, &str); 6] = [
    ("应结订单金额", "应结订单总金额"),
    ("退款金额", "退款总金额"),
    ("充值券退款金额", "充值券退款总金额"),
    ("手续费", "手续费总金额"),
    ("订单金额", "订单总金额"),
    ("申请退款金额", "申请退款总金额"),
];
const COUNT: &str = "总交易单数";
/// Sums without which a summary proves nothing.
const NEEDED: [&str; 2] = ["订单总金额", "申请退款总金额"];
