//! Compares the complaints at WeChat Pay with our tables.

use std::collections::{BTreeMap, BTreeSet};

use e2e::World;
use local_wechat::ComplaintState;

use super::text;

/// Asserts that each complaint at WeChat Pay has its row, its closed cases and at most one refund. Returns how many there are.
pub(super) async fn compare(world: &World) -> usize {
    let rows = world.items("ComplaintsTable").await;
    let rows: BTreeMap<_, _> = rows.iter().map(|row| (text(row, "complaint_id"), row)).collect();
    let cases = world.items("CasesTable").await;
    let cases: BTreeMap<_, _> = cases.iter().map(|case| (text(case, "case_id"), case)).collect();
    let mut refunds: BTreeSet<_> =
        world.wechat().refunds().into_iter().map(|refund| refund.out_refund_no).collect();
    // WeChat Pay does not have one that it refused, for example because the console had refunded too much, or that an operator gave up. It is
    // CLOSED, and `check_cases` asks for its case.
    let ours = world.items("RefundsTable").await;
    let closed = ours.iter().filter(|refund| text(refund, "status") == "CLOSED");
    refunds.extend(closed.map(|refund| text(refund, "out_refund_no")));
    let complaints = world.wechat().complaints();
    for complaint in &complaints {
        let id = &complaint.complaint_id;
        let row = rows.get(id).unwrap_or_else(|| panic!("a lost complaint: {complaint:?}"));
        assert_eq!(complaint.complaint_state, ComplaintState::Processed, "{complaint:?}");
        assert_eq!(text(row, "state"), "PROCESSED", "{row}");
        // A buyer who goes on complaining while nobody looks opens one case.
        let times =
            row["times"]["N"].as_str().and_then(|times| times.parse::<u64>().ok()).unwrap_or_default();
        let own = cases.iter().filter(|(case_id, _)| case_id.split('-').nth(1) == Some(id));
        let own: Vec<_> = own.collect();
        assert!(
            (1..=times).contains(&u64::try_from(own.len()).unwrap_or(u64::MAX)),
            "cases {own:?} of {row}"
        );
        for (_, case) in own {
            assert!(
                case.get("open_kind").is_none(),
                "an open case of a complaint that has ended: {case} {row}"
            );
        }
        if row.get("out_refund_no").is_some() {
            assert!(refunds.contains(&text(row, "out_refund_no")), "a refund that was not made: {row}");
        }
        let mut replies = complaint.replies.clone();
        replies.dedup();
        assert_eq!(replies, complaint.replies, "a reply that was made twice: {complaint:?}");
    }
    assert_eq!(rows.len(), complaints.len(), "complaints");
    complaints.len()
}
