//! The states of an order's shipping: pure and monotone.
//!
//! ```text
//! NONE ──▶ SHIPPING ──▶ REFUSED ──▶ SHIPPED ──▶ RECEIVED ──▶ SETTLED
//! ```
//! WeChat keeps the money of an order until it knows that the goods are shipped and the user has them. News can be lost, so a state may be
//! skipped, and none is ever left backwards. Few orders are ever REFUSED; one that an operator enters in WeChat's console is shipped after
//! all.

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
    /// WeChat does not take the shipping: it refuses it, or all money went back to the user.
    Refused,
    /// WeChat knows that everything is shipped.
    Shipped,
    /// The user has the goods, and WeChat still keeps the money.
    Received,
    /// WeChat has released the money.
    Settled,
}

impl ShippingState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::None, Self::Shipping, Self::Refused, Self::Shipped, Self::Received, Self::Settled];

    /// As stored and answered.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Shipping => "SHIPPING",
            Self::Refused => "REFUSED",
            Self::Shipped => "SHIPPED",
            Self::Received => "RECEIVED",
            Self::Settled => "SETTLED",
        }
    }

    /// Whether staff can still ship or correct: the user does not have the goods yet, and WeChat has not refused.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::None | Self::Shipping | Self::Shipped)
    }

    /// The state after the news that the shipping stands at `news`, which may be old.
    #[must_use]
    pub fn after(self, news: Self) -> Self {
        self.max(news)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;

    #[test]
    fn nothing_follows_the_end_and_what_is_shipped_is_not_refused() {
        use ShippingState::{None, Refused, Settled, Shipped, Shipping};
        for next in ShippingState::ALL {
            assert_eq!(Settled.after(next), Settled, "{next:?}");
        }
        assert_eq!(Shipped.after(Refused), Shipped);
        assert_eq!(Shipping.after(Settled), Settled, "a push was lost");
        assert_eq!(Refused.after(Shipped), Shipped, "an operator has entered it by hand");
        assert_eq!([Refused.after(None), Refused.after(Shipping)], [Refused; 2]);
    }

    proptest! {
        #[test]
        fn news_in_any_order_never_leads_backwards(news in prop::collection::vec(select(&ShippingState::ALL[..]), 0..12)) {
            let mut state = ShippingState::None;
            for one in news {
                let next = state.after(one);
                prop_assert!(next >= state);
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
