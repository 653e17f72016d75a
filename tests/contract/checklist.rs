//! WeChat Pay's own checklist for merchants (基础支付 接入质量检查), as a table of tests: each item names the tests that hold it.

use std::collections::BTreeSet;

use crate::workspace::{assert_none, files, read};

/// What WeChat Pay asks for, and the tests that would fail without it.
const CHECKLIST: &[(&str, &[&str])] = &[
    (
        "every request is signed",
        &[
            "the_same_shop_runs_by_each_interface_by_configuration_alone",
            "the_vector_s_signature_over_the_call_up_of_a_payment_is_made",
            "a_prepayment_and_a_question_are_signed_as_the_vectors_say",
        ],
    ),
    (
        "every answer is verified",
        &[
            "an_answer_is_accepted_only_if_it_is_signed_and_for_this_merchant",
            "an_answer_with_a_wrong_or_a_probe_s_signature_is_refused",
        ],
    ),
    (
        "every callback is verified before it is read",
        &[
            "forged_old_foreign_and_altered_notices_write_nothing",
            "forged_foreign_and_misplaced_notices_write_nothing",
            "hostile_documents_are_refused_and_nothing_is_written",
            "a_notice_that_is_not_encrypted_with_the_api_key_is_refused",
        ],
    ),
    ("probes are refused", &["probes_are_refused_and_counted_without_an_error_in_the_log"]),
    ("amounts are whole fen", &["only_a_plain_positive_number_is_an_amount", "a_sum_is_exact_or_refused"]),
    ("the price is the server's", &["an_order_is_placed_at_the_catalogue_s_price_listed_and_read"]),
    (
        "the callback's amount is compared with the order's",
        &[
            "a_payment_pays_only_an_unpaid_order_of_its_amount_and_payer",
            "the_cash_part_may_be_less_than_the_order",
        ],
    ),
    (
        "query beside callback",
        &[
            "an_order_whose_notice_was_lost_becomes_paid",
            "an_order_whose_query_failed_is_queried_again_later",
        ],
    ),
    (
        "unpaid orders are closed, and queried before",
        &[
            "an_expired_order_is_closed_at_wechat_pay_and_here",
            "an_order_paid_in_its_last_second_is_paid_and_not_closed",
        ],
    ),
    ("the client's result is never final", &["a_success_on_the_phone_alone_does_not_pay_the_order"]),
    ("daily reconciliation", &["a_clean_day_has_no_differences_and_is_settled_once"]),
    ("numbers are unique", &["numbers_read_back_and_fit_what_wechat_pay_takes", "a_number_has_one_spelling"]),
    (
        "callbacks are idempotent, also at once",
        &["twenty_simultaneous_notices_have_one_effect", "twenty_notices_at_once_have_one_effect"],
    ),
    ("a double tap makes one order", &["twenty_requests_with_one_idempotency_key_place_one_order"]),
    ("prepay_id is used again while it lives", &["twenty_prepayments_at_once_are_one"]),
    (
        "refunds are never more than was paid, and keep their number",
        &[
            "twenty_refunds_at_once_never_give_back_more_than_was_paid",
            "a_refund_with_a_lost_answer_and_notice_is_finished_once_by_the_sweep",
            "a_refund_waits_for_the_merchant_s_balance_under_the_same_number",
        ],
    ),
    (
        "keys stand neither in code nor in logs",
        &[
            "no_secret_stands_in_the_template",
            "bytes_that_are_no_key_are_refused_and_no_key_is_printed",
            "secrets_print_nothing",
        ],
    ),
    (
        "whatever fails, tables and ledger agree in the end",
        &[
            "ledgers_agree_after_chaos_over_v2_with_md5",
            "ledgers_agree_after_chaos_over_v2_with_hmac",
            "ledgers_agree_after_chaos_over_v3_with_certificates",
            "ledgers_agree_after_chaos_over_v3_with_the_public_key",
        ],
    ),
];

/// The names of all tests there are.
fn tests() -> BTreeSet<String> {
    let sources = files("").into_iter().filter(|file| file.ends_with(".rs") && !file.starts_with("target/"));
    let mut names = BTreeSet::new();
    for file in sources {
        let text = read(&file);
        names.extend(text.split("fn ").skip(1).filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
    }
    names
}

#[test]
fn every_item_of_the_checklist_is_held_by_tests_that_exist() {
    let tests = tests();
    let missing = CHECKLIST.iter().flat_map(|(item, names)| {
        let missing = names.iter().filter(|name| !tests.contains(**name));
        missing.map(move |name| format!("{item}: there is no test {name}"))
    });
    assert_none(&missing.collect::<Vec<_>>());
    assert!(CHECKLIST.iter().all(|(_, names)| !names.is_empty()));
}
