//! Payment notices from WeChat Pay.
