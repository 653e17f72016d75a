//! The products of the platform, a folder each: state, routes of the server API, `wx` APIs and controls.
//!
//! A service knows `core` and `base` and no other service. A new simulated API is one folder here and one line in
//! `simulator/mod.rs`. Within a folder `server.rs` is what the back end calls and `wx.rs` what the phone calls.

pub(crate) mod api_quota;
pub(crate) mod cards;
pub(crate) mod phone_number;
pub(crate) mod soter;
pub(crate) mod subscribe;
pub(crate) mod user_info;
pub(crate) mod werun;
pub(crate) mod wxacode;
