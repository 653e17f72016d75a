//! The simulator over real HTTP: a back end's view, a phone's view, and a shop that is notified.

mod access;
mod bills;
mod cards;
mod faults;
mod fixture;
mod login;
mod merchant;
mod notices;
mod orders;
mod payment;
mod phone_number;
mod platform_keys;
mod refund_notices;
mod refunds;
mod session_check;
mod soter;
mod subscribe;
mod tls;
mod tokens;
mod v3_notices;
mod v3_orders;
mod v3_requests;
mod werun;
mod wxacode;
