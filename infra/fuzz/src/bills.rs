//! The bill of a day, as it is downloaded: plain or compressed, whole or cut.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use shared::{
    crypto::{hex, sha1},
    pay::Bill,
    service::pay_client,
    types::Day,
};

use crate::{
    bill_server::{BillServer, ServedBill},
    reader::Reader,
    services::Services,
};

/// Any answer of APIv2. The first line says `gzip` or `plain`, and after how many bytes the connection ends, if it does; then the bill.
pub(crate) fn v2() -> Reader {
    start("v2")
}

/// The same of APIv3, with the right hash in a genuine offer.
pub(crate) fn v3() -> Reader {
    start("v3")
}

fn start(api: &'static str) -> Reader {
    let services = Services::shared();
    let server = services.run(BillServer::start());
    let host = services.host("reconcile", &[("PAY_API", api), ("PAY_API_BASE", &server.url)]);
    let client = pay_client(&host).expect("its settings");
    let day = Day::parse("20261120").expect("a day");
    Box::new(move |input| {
        let bill = served_bill(input);
        let is_cut = bill.cut.is_some_and(|cut| cut < bill.bytes.len());
        server.set_bill(bill);
        let downloaded = services.run(client.bill(day));
        assert!(!is_cut || downloaded.is_err(), "half a download counts as a bill");
        let Ok(Bill::Ready(mut file)) = downloaded else { return };
        let totals = *file.totals();
        let lines = file.lines().expect("a file").collect::<Result<Vec<_>, _>>();
        let lines = lines.expect("a bill that was verified can be read");
        assert!(lines.len() <= usize::try_from(totals.lines).expect("a small bill"));
    })
}

fn served_bill(input: &[u8]) -> ServedBill {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (first, rest) = input.split_at(end);
    let text = rest.strip_prefix(b"\n").unwrap_or(rest);
    let first = String::from_utf8_lossy(first);
    let mut words = first.split(' ');
    let bytes = if words.next() == Some("gzip") {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(text).expect("memory");
        packed.finish().expect("memory")
    } else {
        text.to_vec()
    };
    let cut = words.next().and_then(|word| word.parse().ok());
    ServedBill { bytes, cut, sha1: hex(&sha1(&[text])) }
}
