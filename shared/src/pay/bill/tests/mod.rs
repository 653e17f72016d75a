//! Bills as they come, whole and broken, small and large.

mod fetch;

use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::{read::Reader, spool::Spool, *};
use crate::{
    crypto::sha1,
    types::{Fen, Rate},
};

const APP_ID: &str = "wx95e6095a537e33b4";
const MCH_ID: &str = "1916817080";
const HEADER: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,\
    货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,\
    费率,订单金额,申请退款金额,费率备注";
const SUMMARY: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

fn own_account() -> OwnAccount {
    OwnAccount { app_id: AppId::parse(APP_ID).unwrap(), mch_id: MchId::parse(MCH_ID).unwrap() }
}

fn line(values: &[&str]) -> String {
    values.iter().map(|value| format!("`{value}")).collect::<Vec<_>>().join(",")
}

fn payment(app_id: &str, number: u64, fen: u64, product: &str) -> String {
    let (id, no) = (format!("42000{number:023}"), format!("N{number}"));
    let amount = format!("{}.{:02}", fen / 100, fen % 100);
    let fee = Rate::parse("0.60%").unwrap().of(fen).unwrap().to_string();
    line(&[
        "2026-08-23 12:00:00",
        app_id,
        MCH_ID,
        "0",
        "",
        &id,
        &no,
        "o5wQws1FH2FD2uaNtxmrc1jiG4dc",
        "JSAPI",
        "SUCCESS",
        "OTHERS",
        "CNY",
        &amount,
        "0.00",
        "0",
        "0",
        "0.00",
        "0.00",
        "",
        "",
        product,
        "",
        &fee,
        "0.60%",
        &amount,
        "0.00",
        "",
    ])
}

const REFUND: &str = "`2026-08-23 13:00:00,`wx95e6095a537e33b4,`1916817080,`0,`,`4200000000000000000000000001,`N1,`o5wQ,`JSAPI,\
    `REFUND,`OTHERS,`CNY,`0.00,`0.00,`50300000001,`R1,`1.67,`0.00,`ORIGINAL,`SUCCESS,`水,`,`-0.01000,`0.60%,`0.00,`1.67,`";

/// A small bill: two payments of ours, one of another app, a refund.
fn small() -> Vec<String> {
    let lines = [
        HEADER.to_owned(),
        payment(APP_ID, 1, 167, "水"),
        payment(APP_ID, 2, 200_000, "a,`b, c"),
        payment("wx0000000000000000", 3, 5000, "水"),
        REFUND.to_owned(),
        SUMMARY.to_owned(),
        "`4,`2051.67,`1.67,`0.00,`12.30,`2051.67,`1.67".to_owned(),
    ];
    lines.into()
}

fn read(text: &[u8]) -> Result<(Vec<Line>, Totals), BillError> {
    let lines = Reader::new(text, own_account())?.collect::<Result<Vec<_>, _>>()?;
    Ok((lines, Reader::new(text, own_account())?.read_through()?))
}

fn read_lines(lines: &[String]) -> Result<(Vec<Line>, Totals), BillError> {
    read(lines.join("\r\n").as_bytes())
}

#[test]
fn payments_and_refunds_are_read_to_the_fen() {
    let (lines, totals) = read_lines(&small()).unwrap();
    let [Line::Payment(first), Line::Payment(second), Line::Refund(refund)] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!((first.total_fee, first.fee.to_string().as_str()), (167, "0.01"));
    assert_eq!((second.out_trade_no.as_str(), second.total_fee), ("N2", 200_000));
    assert_eq!(second.rate, Some(Rate::parse("0.6%").unwrap()), "behind a product named a,`b");
    assert_eq!((refund.out_refund_no.as_str(), refund.refund_fee), ("R1", 167));
    assert_eq!((refund.state, refund.fee), (BilledRefund::Success, Yuan::parse("-0.01").unwrap()));
    let expected = Totals {
        lines: 4,
        foreign: 1,
        unreadable: 0,
        payments: 2,
        paid_fee: 200_167,
        refunds: 1,
        refunded_fee: 167,
        fees: Yuan::parse("12.00").unwrap(),
    };
    assert_eq!(totals, expected);
}

#[test]
fn byte_order_mark_line_ends_and_more_columns_make_no_difference() {
    let expected = read_lines(&small()).unwrap();
    let unix = format!("\u{feff}{}\n\n", small().join("\n"));
    assert_eq!(read(unix.as_bytes()).unwrap(), expected);
    // The first two columns change places, and there is a new one at the end.
    let changed: Vec<String> = small()
        .iter()
        .map(|line| match line.split_once(',').and_then(|(a, rest)| Some((a, rest.split_once(',')?))) {
            Some((a, (b, rest))) if line.len() > 100 => {
                let tick = if line.starts_with('`') { "`" } else { "" };
                let header = tick.is_empty();
                if header && !line.starts_with("交易时间") {
                    return line.clone();
                }
                format!("{b},{a},{rest},{tick}新")
            }
            _ => line.clone(),
        })
        .collect();
    assert_ne!(changed, small());
    assert_eq!(read_lines(&changed).unwrap(), expected);
}

#[test]
fn a_state_that_no_own_payment_can_have_is_reported() {
    let revoked = payment(APP_ID, 1, 100, "水").replace("SUCCESS", "REVOKED");
    let lines = [HEADER, &revoked, SUMMARY, "`1,`1.00,`0.00,`0.00,`0.01,`1.00,`0.00"].map(str::to_owned);
    let (lines, _) = read_lines(&lines).unwrap();
    assert!(
        matches!(&lines[..], [Line::UnknownState(line)] if line.state == "REVOKED" && line.total_fee == 100)
    );
}

#[test]
fn a_summary_of_fees_may_be_rounded_to_the_fen() {
    let fine = payment(APP_ID, 1, 100, "水").replace("`0.01,`0.60%", "`0.00600,`0.60%");
    let bill = |summary: &str| read_lines(&[HEADER, &fine, SUMMARY, summary].map(str::to_owned));
    assert!(bill("`1,`1.00,`0.00,`0.00,`0.00600,`1.00,`0.00").is_ok());
    assert!(bill("`1,`1.00,`0.00,`0.00,`0.01,`1.00,`0.00").is_ok());
    assert!(matches!(
        bill("`1,`1.00,`0.00,`0.00,`0.02,`1.00,`0.00"),
        Err(BillError::Summary("手续费总金额"))
    ));
}

#[test]
fn a_bill_that_lost_a_line_anywhere_is_not_whole() {
    let whole = small();
    for lost in 0..whole.len() {
        let mut lines = whole.clone();
        let _ = lines.remove(lost);
        assert!(read_lines(&lines).is_err(), "without line {lost}");
    }
    let text = whole.join("\n");
    for length in 0..text.len() {
        let cut = read(&text.as_bytes()[..length]);
        // The very last digit of the summary is the refunds' last fen.
        assert!(cut.is_err(), "cut at {length} of {}", text.len());
    }
    let mut twice = whole.clone();
    twice.insert(2, whole[1].clone());
    assert!(matches!(read_lines(&twice), Err(BillError::Summary("总交易单数"))));
    let after = [whole, vec![payment(APP_ID, 9, 1, "水")]].concat();
    assert!(matches!(read_lines(&after), Err(BillError::AfterSummary)));
}

/// The small bill with another line of the other app.
fn with_foreign(foreign: &str) -> Result<(Vec<Line>, Totals), BillError> {
    let mut lines = small();
    foreign.clone_into(&mut lines[3]);
    read_lines(&lines)
}

#[test]
fn a_line_break_in_a_name_ends_no_line() {
    let expected = read_lines(&small()).unwrap();
    for product in ["a\nb", "a\r\nb", "\n", "a\n`b", "a\n\n\nb", "a\nb\nc", "a\n,`b", "总\n交易单数"] {
        assert_eq!(
            with_foreign(&payment("wx0000000000000000", 3, 5000, product)).unwrap(),
            expected,
            "{product:?}"
        );
        // Also in a line of our own.
        let mut lines = small();
        lines[1] = payment(APP_ID, 1, 167, product);
        assert_eq!(read_lines(&lines).unwrap(), expected, "{product:?}");
    }
    // In the last column of all, where the line is complete without the rest.
    assert_eq!(
        with_foreign(&format!("{}a\nb", payment("wx0000000000000000", 3, 5000, "水"))).unwrap(),
        expected
    );
}

#[test]
fn a_line_of_another_app_in_another_form_does_not_end_the_day() {
    let (lines, totals) = read_lines(&small()).unwrap();
    let foreign = payment("wx0000000000000000", 3, 5000, "水");
    let other_merchant = payment(APP_ID, 3, 5000, "水").replace(MCH_ID, "1600000000");
    let unreadable = [
        foreign.replace("`0.30,`0.60%", "`-,`0.60%"),
        foreign.replace("`0.30,`0.60%", "`,`"),
        foreign.replace("`50.00", "`1E9"),
        foreign.replace(",`CNY", ""),
        foreign.replace(",`CNY", ",`CNY,`a,`b").replace("`水,`", "`水"),
        other_merchant.replace(",`CNY", ""),
        "`2026-08-23 12:00:00,`wx0000000000000000".to_owned(),
        payment("wx0000000000000000", 3, 5000, &"水".repeat(20_000)),
        payment("wx0000000000000000", 3, 5000, &"a\n".repeat(20_000)),
        foreign.replace("`50.00", "`99999999999999999999"),
    ];
    for foreign in &unreadable {
        let (read, told) = with_foreign(foreign).unwrap_or_else(|error| panic!("{foreign:.200}: {error}"));
        assert_eq!(read, lines, "{foreign:.200}");
        assert_eq!(told, Totals { unreadable: 1, ..totals }, "{foreign:.200}");
    }
    // A whole line is lost, and nothing of the sums could tell.
    let mut less = small();
    unreadable[0].clone_into(&mut less[3]);
    let _ = less.remove(1);
    assert!(matches!(read_lines(&less), Err(BillError::Summary("总交易单数"))));
}

#[test]
fn an_unreadable_line_that_may_be_of_this_shop_ends_the_day() {
    let own = payment(APP_ID, 3, 5000, "水");
    for line in [
        own.replace(",`CNY", ""),
        own.replace("`0.30,`0.60%", "`-,`0.60%"),
        own.replace(APP_ID, "").replace(",`CNY", ""),
        "`2026-08-23 12:00:00".to_owned(),
        payment(APP_ID, 3, 5000, &"a".repeat(20_000)),
    ] {
        assert!(with_foreign(&line).is_err(), "{line:.200}");
    }
}

#[test]
fn a_bill_that_is_none_is_refused() {
    assert!(matches!(read(b""), Err(BillError::Incomplete)));
    assert!(matches!(read(b"<html>busy</html>"), Err(BillError::Column("公众账号ID"))));
    assert!(matches!(read(&[b'x'; 20_000]), Err(BillError::TooLong(1))));
    let wrong = |from: &str, to: &str| read(small().join("\n").replace(from, to).as_bytes());
    assert!(matches!(wrong("`1.67", "`1.675"), Err(BillError::Value { line: 2, .. })));
    assert!(matches!(wrong("`0.60%", "`0.60"), Err(BillError::Value { line: 2, column: "费率" })));
    assert!(matches!(wrong("`CNY,", ""), Err(BillError::Value { line: 2, .. })));
}

proptest! {
    #[test]
    fn reading_any_bytes_never_panics(bytes: Vec<u8>, tail in "\\PC{0,200}") {
        let _ = read(&bytes);
        let mut text = format!("{HEADER}\n`{tail}\n").into_bytes();
        text.extend(&bytes);
        let _ = read(&text);
    }

    #[test]
    fn a_bill_that_adds_up_is_read_back(fees in proptest::collection::vec(1..=Fen::MAX, 0..20)) {
        let bill = generated(&fees);
        let (lines, totals) = read(bill.as_bytes()).unwrap();
        let read: Vec<u64> = lines.iter().map(|line| match line {
            Line::Payment(line) => line.total_fee,
            _ => 0,
        }).collect();
        prop_assert_eq!(totals.paid_fee, fees.iter().sum::<u64>());
        prop_assert_eq!(read, fees);
    }
}

/// A bill of payments of these fees.
fn generated(fees: &[u64]) -> String {
    let lines = fees.iter().zip(1..).map(|(fen, number)| payment(APP_ID, number, *fen, "水"));
    let fee = fees.iter().map(|fen| Rate::parse("0.60%").unwrap().of(*fen).unwrap());
    let fee = fee.fold(Yuan::default(), |sum, one| sum.plus(one).unwrap());
    let total = Yuan::of_fen(fees.iter().sum()).unwrap();
    let summary = format!("`{},`{total},`0.00,`0.00,`{fee},`{total},`0.00", fees.len());
    let lines = std::iter::once(HEADER.to_owned()).chain(lines).chain([SUMMARY.to_owned(), summary]);
    lines.collect::<Vec<_>>().join("\n")
}

/// A day of `lines` payments of one yuan that is nowhere as a whole: each line is made when it is read.
struct LargeDay {
    lines: u64,
    made: u64,
    rest: Vec<u8>,
    /// The most that was ever asked for at once.
    most: usize,
}

impl LargeDay {
    fn of(lines: u64) -> Self {
        Self { lines, made: 0, rest: format!("{HEADER}\n").into_bytes(), most: 0 }
    }
}

impl Read for LargeDay {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.most = self.most.max(buffer.len());
        if self.rest.is_empty() && self.made <= self.lines {
            self.rest = if self.made < self.lines {
                format!("{}\n", payment(APP_ID, self.made, 100, "水")).into_bytes()
            } else {
                let n = self.lines;
                format!("{SUMMARY}\n`{n},`{n}.00,`0.00,`0.00,`{}.{:02},`{n}.00,`0.00\n", n / 100, n % 100)
                    .into_bytes()
            };
            self.made += 1;
        }
        let count = buffer.len().min(self.rest.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        let _ = self.rest.drain(..count);
        Ok(count)
    }
}

const LARGE: u64 = 200_000;

/// What grows with the day is on the disk: in memory are the two buffers, whose sizes do not depend on it.
#[test]
fn a_day_of_two_hundred_thousand_lines_needs_the_memory_of_one_line() {
    let mut day = LargeDay::of(LARGE);
    let mut source = BufReader::with_capacity(BUFFER, &mut day);
    let mut reader = Reader::new(source.by_ref(), own_account()).unwrap();
    let (mut lines, mut held) = (0, 0);
    while let Some(line) = reader.next() {
        assert!(matches!(line.unwrap(), Line::Payment(line) if line.total_fee == 100));
        lines += 1;
        held = held.max(reader.held());
    }
    assert_eq!(lines, LARGE);
    assert!(held < 2048, "{held} bytes for a line");
    assert_eq!(source.capacity(), BUFFER);
    assert_eq!(source.fill_buf().unwrap().len(), 0, "read to the end");
    drop(source);
    assert!(day.most <= BUFFER, "{} bytes were asked for at once", day.most);
}

/// The day, packed, in pieces as a socket gives them.
fn packed(mut day: impl Read, mut piece: impl FnMut(&[u8])) -> [u8; 20] {
    struct Pieces<'a, F>(&'a mut F);
    impl<F: FnMut(&[u8])> Write for Pieces<'_, F> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            (self.0)(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut digest = <sha1::Sha1 as sha1::Digest>::new();
    let mut encoder = GzEncoder::new(Pieces(&mut piece), Compression::fast());
    let mut buffer = [0; 8192];
    loop {
        let count = day.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        sha1::Digest::update(&mut digest, &buffer[..count]);
        encoder.write_all(&buffer[..count]).unwrap();
    }
    let _ = encoder.finish().unwrap();
    sha1::Digest::finalize(digest).into()
}

#[test]
fn a_large_day_goes_to_the_disk_packed_and_comes_back_line_by_line() {
    let mut spool = None;
    let mut written = 0;
    let hash = packed(LargeDay::of(LARGE), |piece| {
        written += piece.len();
        spool.get_or_insert_with(|| Spool::of(piece).unwrap()).push(piece).unwrap();
    });
    let spooled = spool.unwrap().finish().unwrap();
    assert_eq!(spooled.sha1, hash, "of the bill, not of the file");
    let length = spooled.file.metadata().unwrap().len();
    assert_eq!(length, u64::try_from(written).unwrap(), "as it came");
    let mut bill = BillFile::read_through(spooled.file, spooled.encoding, own_account()).unwrap();
    assert_eq!((bill.totals().payments, bill.totals().paid_fee), (LARGE, LARGE * 100));
    for _ in 0..2 {
        assert_eq!(bill.lines().unwrap().take(3).map(Result::unwrap).count(), 3, "from the first line on");
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = packed(text.as_bytes(), |piece| bytes.extend_from_slice(piece));
    bytes
}

#[test]
fn a_packed_bill_that_was_cut_or_altered_is_not_kept() {
    let bytes = gzip(&small().join("\n"));
    let spool = |bytes: &[u8]| -> Result<Spooled, BillError> {
        let mut spool = Spool::of(bytes)?;
        bytes.chunks(100).try_for_each(|piece| spool.push(piece))?;
        spool.finish()
    };
    let whole = spool(&bytes).unwrap();
    assert_eq!(whole.sha1, sha1(&[small().join("\n").as_bytes()]));
    for length in 2..bytes.len() {
        assert!(spool(&bytes[..length]).is_err(), "cut at {length} of {}", bytes.len());
    }
    let mut altered = bytes.clone();
    let middle = bytes.len() / 2;
    altered[middle] ^= 0x55;
    assert!(spool(&altered).is_err());
}
