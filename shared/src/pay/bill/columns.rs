//! The columns of a bill: found by their names, because WeChat Pay adds and moves them.

use super::{
    BillError, BilledRefund, Line, OwnAccount, PaymentLine, RefundLine, UnknownStateLine, line_text::LineText,
};
use crate::types::{AppId, MchId, OpenId, Rate, TransactionId, Yuan, YuanError};

/// The position of each column.
pub(super) struct Columns {
    count: usize,
    /// 商品名称 and 商户数据包: free text that can hold anything, also the separator of columns.
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

/// The sums of all lines so far, in the order of [`SUMS`]. A sum is unknown (`None`) after a foreign line whose amount can't be read.
pub(super) struct Sums([Option<Yuan>; SUMS.len()]);

/// The content of one line.
pub(super) struct Detail {
    /// Its amounts, in the order of [`SUMS`].
    amounts: [Option<Yuan>; SUMS.len()],
    /// `None` for a line of another app or merchant.
    pub(super) meaning: Option<Line>,
}

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

    /// Reads a line. A line of another app or merchant may have any form, because nothing here depends on it.
    pub(super) fn detail(&self, own: &OwnAccount, line: &LineText) -> Result<Detail, BillError> {
        let values = Values { columns: self, fields: fields(&line.text), line: line.number };
        let fits = if line.is_cut { Err(BillError::TooLong(line.number)) } else { values.fit() };
        match fits {
            Err(_) if values.names_another(own) => Ok(Detail { amounts: [None; SUMS.len()], meaning: None }),
            Err(error) => Err(error),
            Ok(()) if values.belongs_to(own) => {
                let mut amounts = [Some(Yuan::default()); SUMS.len()];
                for ((amount, at), (name, _)) in amounts.iter_mut().zip(self.sums).zip(SUMS) {
                    if let Some(at) = at {
                        *amount = Some(values.yuan(at, name)?);
                    }
                }
                Ok(Detail { amounts, meaning: Some(values.meaning()?) })
            }
            Ok(()) => {
                let amount = |at| Yuan::parse(values.get(at)).ok();
                let amounts = self.sums.map(|at| at.map_or_else(|| Some(Yuan::default()), amount));
                Ok(Detail { amounts, meaning: None })
            }
        }
    }

    /// Whether `next` continues `line`, because a value of `line` holds a line break.
    pub(super) fn continues(&self, line: &LineText, next: &LineText) -> bool {
        if !next.is_detail() {
            return !is_summary(&next.text);
        }
        // Joined they have the right number of values, and neither has it alone.
        let (first, second) = (fields(&line.text).len(), fields(&next.text).len());
        first < self.count
            && second < self.count
            && first.saturating_add(second) == self.count.saturating_add(1)
    }
}

impl Sums {
    /// The sums before the first line.
    pub(super) fn new() -> Self {
        Self([Some(Yuan::default()); SUMS.len()])
    }

    /// Adds a line.
    ///
    /// # Errors
    /// [`YuanError`]: a line of this account makes a sum overflow.
    pub(super) fn add(&mut self, detail: &Detail) -> Result<(), YuanError> {
        for (sum, amount) in self.0.iter_mut().zip(detail.amounts) {
            *sum = match (*sum, amount) {
                (Some(sum), Some(amount)) => match sum.plus(amount) {
                    Ok(sum) => Some(sum),
                    Err(error) if detail.meaning.is_some() => return Err(error),
                    Err(_) => None,
                },
                _ => None,
            };
        }
        Ok(())
    }
}

impl Detail {
    /// Whether one of its amounts can't be read.
    pub(super) fn is_unreadable(&self) -> bool {
        self.amounts.contains(&None)
    }
}

impl<'a> Values<'a> {
    /// Refuses too few values, and too many that no free text explains.
    fn fit(&self) -> Result<(), BillError> {
        let (found, expected) = (self.fields.len(), self.columns.count);
        if found < expected || (found > expected && self.columns.free_text.is_none()) {
            return Err(self.wrong("number of values"));
        }
        Ok(())
    }

    /// Whether the line belongs to this app and merchant.
    fn belongs_to(&self, own: &OwnAccount) -> bool {
        self.get(self.columns.app_id) == own.app_id.as_str()
            && self.get(self.columns.mch_id) == own.mch_id.as_str()
    }

    /// Whether a malformed line names another app or merchant, in a column before any free text.
    fn names_another(&self, own: &OwnAccount) -> bool {
        let free = self.columns.free_text.map_or(usize::MAX, |(first, _)| first);
        let told = |column: usize| {
            let value = self.fields.get(column).filter(|_| column < free);
            value.map(|value| value.trim()).unwrap_or_default()
        };
        let (app_id, mch_id) = (told(self.columns.app_id), told(self.columns.mch_id));
        let other_app = AppId::parse(app_id).is_ok() && app_id != own.app_id.as_str();
        let other_merchant = MchId::parse(mch_id).is_ok() && mch_id != own.mch_id.as_str();
        other_app || other_merchant
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
            state => Line::UnknownState(UnknownStateLine {
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

    /// A missing value is empty or `0`.
    fn optional(&self, column: Option<usize>) -> Option<&'a str> {
        column.map(|column| self.get(column)).filter(|text| !matches!(*text, "" | "0"))
    }

    fn wrong(&self, column: &'static str) -> BillError {
        BillError::Value { line: self.line, column }
    }
}

/// Compares the bill's summary with the sums of its lines.
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
    for ((_, name), sum) in SUMS.into_iter().zip(sums.0) {
        let Some(text) = find(name) else {
            if NEEDED.contains(&name) {
                return Err(BillError::Column(name));
            }
            continue;
        };
        let told = Yuan::parse(text).map_err(|_| BillError::Value { line, column: name })?;
        let Some(sum) = sum else { continue };
        // A sum of fees may be rounded to the fen although the fees themselves have more digits.
        if told != sum && told != sum.to_the_fen() {
            return Err(BillError::Summary(name));
        }
    }
    Ok(())
}

/// Whether the line has the names of the sums.
fn is_summary(text: &str) -> bool {
    text.split(',').any(|name| name.trim() == COUNT)
}

/// Every value has a back-tick before it, so that a comma alone separates nothing.
fn fields(text: &str) -> Vec<&str> {
    text.strip_prefix('`').unwrap_or(text).split(",`").collect()
}

/// A number or a name as it can stand in a log: no more than 64 visible characters.
fn number(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(64).collect()
}

/// The columns that the summary adds up, with the summary's names for the sums.
pub(super) const SUMS: [(&str, &str); 6] = [
    ("应结订单金额", "应结订单总金额"),
    ("退款金额", "退款总金额"),
    ("充值券退款金额", "充值券退款总金额"),
    ("手续费", "手续费总金额"),
    ("订单金额", "订单总金额"),
    ("申请退款金额", "申请退款总金额"),
];
const COUNT: &str = "总交易单数";
/// The sums that a summary must have to prove that the bill is complete.
const NEEDED: [&str; 2] = ["订单总金额", "申请退款总金额"];
