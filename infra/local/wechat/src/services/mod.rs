//! The products of the platform, a folder each: state, routes of the server API, `wx` APIs and controls.
//!
//! A service uses `core` and `base` and no other service. A new service is a folder here and a line in `simulator/mod.rs`. In a
//! folder, `service.rs` has the state, `server.rs` the APIs that the back end calls, `wx.rs` those that the phone calls, and
//! `mod.rs` the list of routes.

pub(crate) mod api_quota;
pub(crate) mod cards;
pub(crate) mod content_security;
pub(crate) mod customer_service;
pub(crate) mod js_sdk;
pub(crate) mod message_push;
pub(crate) mod nearby;
pub(crate) mod phone_number;
pub(crate) mod share;
pub(crate) mod soter;
pub(crate) mod subscribe;
pub(crate) mod upload_file;
pub(crate) mod user_info;
pub(crate) mod werun;
pub(crate) mod wxacode;
