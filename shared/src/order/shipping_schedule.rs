//! When WeChat is asked about the shipping of a paid order, and when an operator must know of it.
//!
//! WeChat tells by pushes that an order is shipped and that its money is released, and pushes can be lost for good. So each order says
//! when to ask next, at growing intervals, until its money is released. WeChat keeps the money for ten days after the shipping, or until
//! the user confirms the receipt, and releases it hours later.

use std::time::Duration;

use crate::{
    host::{Host, HostError},
    types::UnixSeconds,
};

/// What is decided about the shipping of this mini program.
#[derive(Debug, Clone, Copy)]
pub struct ShippingPolicy {
    is_managed: bool,
    ship_within: Option<Duration>,
}

/// What the schedule must know of a shipping.
#[derive(Debug, Clone, Copy)]
pub struct ShippingProgress {
    /// When the order was paid.
    pub paid_at: UnixSeconds,
    /// Whether staff have something to ship.
    pub is_to_ship: bool,
    /// When WeChat first knew that everything is shipped.
    pub shipped_at: Option<UnixSeconds>,
    /// When the receipt was confirmed.
    pub received_at: Option<UnixSeconds>,
    /// Whether nothing follows: the money is released, or went back to the user.
    pub is_over: bool,
}

impl ShippingPolicy {
    /// Reads `NOT_SHIPPED_AFTER_HOURS`. [`is_shipping_managed`] reads the other variable.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn from_host(host: &Host) -> Result<Self, HostError> {
        let hours =
            host.parsed_var("NOT_SHIPPED_AFTER_HOURS", "a number of hours, or 0 for never", str::parse)?;
        Ok(Self::new(is_shipping_managed(host)?, hours))
    }

    /// The policy of a mini program whose orders are to be shipped within `hours`, if that is not 0.
    #[must_use]
    pub fn new(is_managed: bool, hours: u32) -> Self {
        let ship_within = (hours > 0).then(|| Duration::from_secs(u64::from(hours) * HOUR));
        Self { is_managed, ship_within }
    }

    /// Whether WeChat manages the shipping, so that it keeps the money of an order until it is told what was shipped.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.is_managed
    }

    /// By when staff should have shipped an order that was paid at `paid_at`.
    #[must_use]
    pub fn ship_by(&self, paid_at: UnixSeconds) -> Option<UnixSeconds> {
        self.ship_within.map(|within| paid_at.plus(within))
    }

    /// When to ask WeChat next, as [`ShippingProgress::next_query`], and also when the term of staff ends. `None` if WeChat does not
    /// manage the shipping.
    #[must_use]
    pub fn next_query(&self, progress: ShippingProgress, now: UnixSeconds) -> Option<UnixSeconds> {
        let next = progress.next_query(now).filter(|_| self.is_managed)?;
        let ship_by = self.ship_by(progress.paid_at).filter(|at| progress.is_to_ship && now < *at);
        Some(ship_by.map_or(next, |at| next.min(at)))
    }
}

/// Whether WeChat manages the shipping of this mini program. Reads `SHIPPING_INFORMATION`.
///
/// # Errors
/// [`HostError`]: the variable is missing or malformed.
pub fn is_shipping_managed(host: &Host) -> Result<bool, HostError> {
    host.parsed_var("SHIPPING_INFORMATION", "on or off", |text| match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(()),
    })
}

impl ShippingProgress {
    /// When to ask WeChat next, after a look at `now`; `None` if nothing follows, or WeChat has not released the money for so long that
    /// only an operator can do anything.
    ///
    /// Back-off by age: the interval is the time since the receipt, or else since the shipping, clamped to 6 hours … 3 days. WeChat is
    /// also asked when the money counts as frozen, and once a week after that. An order that WeChat does not know as shipped is asked
    /// about once a week, because it may be shipped in WeChat's console.
    #[must_use]
    pub fn next_query(self, now: UnixSeconds) -> Option<UnixSeconds> {
        let last = self.shipped_at.unwrap_or(self.paid_at).plus(LONGEST_WATCH);
        if self.is_over || now >= last {
            return None;
        }
        let (Some(since), Some(frozen_at)) = (self.received_at.or(self.shipped_at), self.frozen_at()) else {
            return Some(now.plus(SLOW_INTERVAL));
        };
        if now >= frozen_at {
            return Some(now.plus(SLOW_INTERVAL));
        }
        Some(now.plus(now.since(since).clamp(MIN_INTERVAL, MAX_INTERVAL)).min(frozen_at))
    }

    /// From when on the money counts as frozen: WeChat should have released it long before. `None` if WeChat does not know the order as
    /// shipped.
    #[must_use]
    pub fn frozen_at(self) -> Option<UnixSeconds> {
        let by_shipping = self.shipped_at.map(|at| at.plus(SHIPPED_TERM));
        let by_receipt = self.received_at.map(|at| at.plus(RECEIVED_TERM));
        by_shipping.into_iter().chain(by_receipt).min()
    }
}

/// Shortest interval of queries about a shipped order.
const MIN_INTERVAL: Duration = Duration::from_secs(6 * HOUR);
/// Longest interval of queries about a shipped order.
const MAX_INTERVAL: Duration = Duration::from_secs(3 * DAY);
/// The interval while nothing is expected.
const SLOW_INTERVAL: Duration = Duration::from_secs(7 * DAY);
/// How long the money of a shipped order may be kept: ten days until WeChat confirms the receipt itself, hours until it releases the
/// money, and the rest for goods whose term is longer.
const SHIPPED_TERM: Duration = Duration::from_secs(15 * DAY);
/// How long the money of a received order may be kept.
const RECEIVED_TERM: Duration = Duration::from_secs(3 * DAY);
/// How long after the shipping, or the payment of what is not shipped, WeChat is asked at all.
const LONGEST_WATCH: Duration = Duration::from_secs(90 * DAY);

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

#[cfg(test)]
mod tests {
    use super::*;

    const PAID: UnixSeconds = UnixSeconds::new(1_700_000_000);

    const TO_SHIP: ShippingProgress = ShippingProgress {
        paid_at: PAID,
        is_to_ship: true,
        shipped_at: None,
        received_at: None,
        is_over: false,
    };
    const SHIPPED: ShippingProgress =
        ShippingProgress { is_to_ship: false, shipped_at: Some(PAID), ..TO_SHIP };

    fn after(hours: u64) -> UnixSeconds {
        PAID.plus(Duration::from_secs(hours * HOUR))
    }

    /// The hours after the payment at which WeChat is asked.
    fn queries(progress: ShippingProgress) -> Vec<u64> {
        let next = |now: &UnixSeconds| progress.next_query(*now);
        std::iter::successors(Some(PAID), next).skip(1).map(|at| at.since(PAID).as_secs() / HOUR).collect()
    }

    #[test]
    fn a_shipped_order_is_asked_about_less_and_less_and_then_weekly() {
        assert_eq!(queries(SHIPPED)[..8], [6, 12, 24, 48, 96, 168, 240, 312]);
        let week = 7 * 24;
        assert_eq!(queries(SHIPPED)[8..], (0..12).map(|n| 15 * 24 + n * week).collect::<Vec<_>>());
    }

    #[test]
    fn a_received_order_counts_as_frozen_after_three_days() {
        let received = ShippingProgress { received_at: Some(after(24)), ..SHIPPED };
        assert_eq!(received.frozen_at(), Some(after(4 * 24)));
        assert_eq!(SHIPPED.frozen_at(), Some(after(15 * 24)));
        assert_eq!(TO_SHIP.frozen_at(), None);
        assert_eq!(received.next_query(after(90)), Some(after(96)));
    }

    #[test]
    fn nothing_is_asked_about_an_order_that_is_over_or_not_managed() {
        let over = ShippingProgress { is_over: true, ..SHIPPED };
        assert_eq!(over.next_query(PAID), None);
        assert_eq!(ShippingPolicy::new(false, 48).next_query(TO_SHIP, PAID), None);
    }

    #[test]
    fn an_order_to_ship_is_asked_about_when_the_term_of_staff_ends() {
        let policy = ShippingPolicy::new(true, 48);
        assert_eq!(policy.next_query(TO_SHIP, PAID), Some(after(48)));
        assert_eq!(policy.next_query(TO_SHIP, after(48)), Some(after(48 + 7 * 24)));
        assert_eq!(policy.next_query(SHIPPED, PAID), Some(after(6)));
        let never = ShippingPolicy::new(true, 0);
        assert_eq!((never.ship_by(PAID), never.next_query(TO_SHIP, PAID)), (None, Some(after(7 * 24))));
    }
}
