//! The simulated WeChat: platform, pay and the phone's side.
