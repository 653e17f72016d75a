//! Every route, end to end: HTTP in, through the gateway's event, the function, DynamoDB and WeChat, and back.

mod canary;
mod login;
mod order;
mod order_sweep;
mod pay_notify;
mod unified_order;
mod user;
