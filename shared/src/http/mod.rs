//! Requests in, answers out: the forms of `wx.request` and of API Gateway.

pub mod answer;
pub mod extract;
