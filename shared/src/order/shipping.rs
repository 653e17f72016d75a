//! The states of an order's shipping: pure and monotone.
//!
//! ```text
//! NONE ──▶ SHIPPING ──▶ SHIPPED ──▶ RECEIVED ──▶ SETTLED
//!   └─────────┴──▶ REFUSED
//! ```
//! WeChat keeps the money of an order until it knows that the goods are shipped and the user has them. News can be lost, so a state may be
//! skipped, and none is ever left backwards.

use serde::{Deserialize, Serialize};

/// Where an order's shipping stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ShippingState {
    /// Nothing is shipped.
    #[default]
    None,
    /// Something is shipped, and WeChat does not know all of it yet.
    Shipping,
    /// WeChat knows that everything is shipped.
    Shipped,
    /// The user has the goods, and WeChat still keeps the money.
    Received,
    /// WeChat has released the money.
    Settled,
    /// WeChat will never take the shipping: it refuses it, or all money went back to the user.
    Refused,
}

impl ShippingState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::None, Self::Shipping, Self::Shipped, Self::Received, Self::Settled, Self::Refused];

    /// As stored and answered.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Shipping => "SHIPPING",
            Self::Shipped => "SHIPPED",
            Self::Received => "RECEIVED",
            Self::Settled => "SETTLED",
            Self::Refused => "REFUSED",
        }
    }

    /// Whether nothing can follow.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Settled | Self::Refused)
    }

    /// Whether a shipping may go from this state to `next`.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match next {
            Self::Refused => matches!(self, Self::None | Self::Shipping),
            next => !self.is_final() && self < next,
        }
    }

    /// The state after the news that the shipping stands at `news`, which may be old.
    #[must_use]
    pub fn after(self, news: Self) -> Self {
        if self.may_become(news) { news } else { self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;

    #[test]
    fn nothing_follows_the_end_and_what_is_shipped_is_not_refused() {
        for next in ShippingState::ALL {
            assert!(!ShippingState::Settled.may_become(next), "{next:?}");
            assert!(!ShippingState::Refused.may_become(next), "{next:?}");
        }
        assert!(!ShippingState::Shipped.may_become(ShippingState::Refused));
        assert!(ShippingState::Shipping.may_become(ShippingState::Settled), "a push was lost");
    }

    proptest! {
        #[test]
        fn news_in_any_order_never_leads_backwards(news in prop::collection::vec(select(&ShippingState::ALL[..]), 0..12)) {
            let mut state = ShippingState::None;
            for one in news {
                let next = state.after(one);
                prop_assert!(next >= state);
                prop_assert!(!state.is_final() || next == state);
                state = next;
            }
        }

        #[test]
        fn news_that_come_twice_change_nothing(state in select(&ShippingState::ALL[..]), news in select(&ShippingState::ALL[..])) {
            let once = state.after(news);
            prop_assert_eq!(once.after(news), once);
        }
    }
}
