//! Asks WeChat about unpaid orders and closes expired ones.
