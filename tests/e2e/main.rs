//! Every route, end to end: HTTP in, through the gateway's event, the function, DynamoDB and WeChat, and back.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test that can't go on has failed")]

mod access_token;
mod canary;
mod card;
mod card_consume;
mod card_member;
mod cases;
mod content_check;
mod customer_message;
mod example;
mod jssdk;
mod login;
mod message_push;
mod nearby;
mod order;
mod order_events;
mod order_sweep;
mod other_wechat;
mod pay_notify;
mod pay_v3;
mod phone;
mod products;
mod push_events;
mod quota;
mod reconcile;
mod refund;
mod refund_abnormal;
mod refund_give_up;
mod refund_notify;
mod refund_request;
mod refund_waits;
mod refunded_elsewhere;
mod retired;
mod score;
mod share;
mod share_figures;
mod soter_verify;
mod subscribe;
mod subscribe_templates;
mod unified_order;
mod unified_order_again;
mod upload;
mod user;
mod werun;
mod wxacode;
