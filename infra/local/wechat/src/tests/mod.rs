//! Tests of the simulator over real HTTP: its server APIs, its `wx` APIs and its notices.

mod access;
mod bills;
mod cards;
mod customer_service;
mod faults;
mod fixture;
mod login;
mod merchant;
mod notices;
mod orders;
mod payment;
mod phone_number;
mod platform_keys;
mod pushes;
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
