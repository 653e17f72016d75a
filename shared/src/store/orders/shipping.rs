//! The shipping of an order, in the order's row: what staff have shipped, what WeChat knows of it, and what became of the money.
//!
//! Pure: every change makes another shipping of the one that was read. `ship.rs` writes it.

use serde::{Deserialize, Serialize};

use crate::{
    order::ShippingState,
    types::{Delivery, Parcel, UnixSeconds},
};

/// The shipping of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipping {
    /// Where it stands.
    pub state: ShippingState,
    /// How the goods get to the user.
    #[serde(default)]
    pub delivery: Delivery,
    /// What was shipped.
    #[serde(default)]
    pub packages: Vec<Parcel>,
    /// Whether nothing is left to be shipped.
    #[serde(default)]
    pub is_all_delivered: bool,
    /// How often staff have shipped something or corrected it.
    #[serde(default)]
    pub revision: u32,
    /// The last revision that WeChat knows, or that it will never take.
    #[serde(default)]
    pub known_revision: u32,
    /// Whether what was shipped was corrected, which WeChat allows once.
    #[serde(default)]
    pub is_corrected: bool,
    /// `upload_time` of the last upload that was begun, in milliseconds since 1970, because WeChat wants it to grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_time: Option<u64>,
    /// When a run began the upload whose outcome is not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_begun_at: Option<UnixSeconds>,
    /// When WeChat first knew that everything is shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipped_at: Option<UnixSeconds>,
    /// When the user confirmed the receipt, or WeChat did after its term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<UnixSeconds>,
    /// When WeChat released the money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<UnixSeconds>,
    /// When WeChat was made to remind the user to confirm the receipt. It does so once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminded_at: Option<UnixSeconds>,
    /// When to ask WeChat about the shipping next; absent if there is nothing to ask. It is the key in the index `by_shipping_query`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_query_at: Option<UnixSeconds>,
    /// Grows with each change.
    pub version: u32,
}

/// What staff ship.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipOrder {
    /// How the goods get to the user.
    pub delivery: Delivery,
    /// What is shipped now.
    pub packages: Vec<Parcel>,
    /// Whether nothing is left to be shipped.
    pub is_all_delivered: bool,
}

impl Shipping {
    /// Parcels that WeChat takes of one payment.
    pub const MAX_PACKAGES: usize = 10;

    /// The shipping of an order that was just paid, whose goods travel by `delivery`. If that way needs nobody, the order is shipped,
    /// and `goods` says what.
    #[must_use]
    pub fn of_paid(delivery: Delivery, goods: String) -> Self {
        let none = Self { delivery, ..Self::default() };
        if !delivery.ships_itself() {
            return none;
        }
        let parcel =
            Parcel { tracking_no: None, express_company: None, item_desc: goods, receiver_contact: None };
        none.with_parcels(ShipOrder { delivery, packages: vec![parcel], is_all_delivered: true })
            .unwrap_or(none)
    }

    /// The shipping after staff have shipped `new`: more parcels while something is to be shipped, a correction afterwards, which may be
    /// made once. `None` if it is too late or too much.
    #[must_use]
    pub(super) fn with_parcels(&self, new: ShipOrder) -> Option<Self> {
        let is_correction = self.is_all_delivered;
        let ShipOrder { delivery, packages, is_all_delivered } = new;
        let packages =
            if is_correction { packages } else { self.packages.iter().cloned().chain(packages).collect() };
        let is_same_way = is_correction || self.packages.is_empty() || delivery == self.delivery;
        (packages.len() <= Self::MAX_PACKAGES && is_same_way).then(|| Self {
            state: self.state.after(ShippingState::Shipping),
            delivery,
            packages,
            is_all_delivered: is_correction || is_all_delivered,
            revision: self.revision.saturating_add(1),
            is_corrected: self.is_corrected || is_correction,
            ..self.clone()
        })
    }

    /// Whether staff said the same before.
    pub(super) fn contains(&self, new: &ShipOrder) -> bool {
        self.revision > 0
            && self.delivery == new.delivery
            && (self.is_all_delivered || !new.is_all_delivered)
            && self.packages.ends_with(&new.packages)
    }

    /// Whether something is still to be shipped.
    #[must_use]
    pub fn is_to_ship(&self) -> bool {
        !self.is_all_delivered && self.state <= ShippingState::Shipping
    }

    /// Whether WeChat does not know the last revision yet.
    #[must_use]
    pub fn is_to_upload(&self) -> bool {
        self.known_revision < self.revision && self.state != ShippingState::Refused
    }

    /// Before an upload: its time, which is later than that of any earlier upload.
    #[must_use]
    pub fn with_upload_begun(&self, now: UnixSeconds) -> Self {
        let later = self.upload_time.map_or(0, |last| last.saturating_add(1));
        let upload_time = Some(now.get().saturating_mul(1000).max(later));
        Self { upload_time, upload_begun_at: Some(now), ..self.clone() }
    }

    /// After an upload that certainly had no effect.
    #[must_use]
    pub fn with_upload_failed(&self) -> Self {
        Self { upload_begun_at: None, ..self.clone() }
    }

    /// WeChat knows the last revision.
    #[must_use]
    pub fn with_upload_done(&self, now: UnixSeconds) -> Self {
        let next = Self { upload_begun_at: None, known_revision: self.revision, ..self.clone() };
        if self.is_all_delivered { next.with_news(ShippingState::Shipped, now) } else { next }
    }

    /// WeChat will never take the last revision. What it took before stays.
    #[must_use]
    pub fn with_upload_refused(&self) -> Self {
        Self {
            state: self.state.after(ShippingState::Refused),
            upload_begun_at: None,
            known_revision: self.revision,
            ..self.clone()
        }
    }

    /// WeChat says that the shipping has come to `news` at `at`; older news change nothing but times that were not known.
    #[must_use]
    pub fn with_news(&self, news: ShippingState, at: UnixSeconds) -> Self {
        let mut next = Self { state: self.state.after(news), ..self.clone() };
        let time = match news {
            ShippingState::Shipped => &mut next.shipped_at,
            ShippingState::Received => &mut next.received_at,
            ShippingState::Settled => &mut next.settled_at,
            ShippingState::None | ShippingState::Shipping | ShippingState::Refused => return next,
        };
        *time = time.or(Some(at));
        next
    }

    /// WeChat is to be asked at `at`, or never again.
    #[must_use]
    pub fn with_next_query(&self, at: Option<UnixSeconds>) -> Self {
        Self { next_query_at: at, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;

    fn parcel(number: &str) -> Parcel {
        Parcel {
            tracking_no: Some(number.to_owned()),
            express_company: Some("SF".to_owned()),
            item_desc: "水".to_owned(),
            receiver_contact: None,
        }
    }

    fn ship(numbers: &[&str], is_all_delivered: bool) -> ShipOrder {
        let packages = numbers.iter().map(|number| parcel(number)).collect();
        ShipOrder { delivery: Delivery::Express, packages, is_all_delivered }
    }

    const NOW: UnixSeconds = UnixSeconds::new(1_700_000_000);

    #[test]
    fn an_order_stays_to_be_shipped_until_its_last_parcel() {
        let none = Shipping::of_paid(Delivery::Express, "水".to_owned());
        assert!(none.is_to_ship() && !none.is_to_upload());
        let part = none.with_parcels(ship(&["1"], false)).unwrap();
        assert!(part.is_to_ship() && part.is_to_upload());
        let known = part.with_upload_done(NOW);
        assert_eq!((known.state, known.is_to_upload()), (ShippingState::Shipping, false));
        let all = known.with_parcels(ship(&["2"], true)).unwrap().with_upload_done(NOW);
        assert_eq!((all.state, all.packages.len(), all.is_to_ship()), (ShippingState::Shipped, 2, false));
    }

    #[test]
    fn virtual_goods_are_shipped_when_they_are_paid() {
        for delivery in Delivery::ALL {
            let shipping = Shipping::of_paid(delivery, "水".to_owned());
            assert_eq!(shipping.is_to_ship(), !delivery.ships_itself());
            assert_eq!(shipping.is_to_upload(), delivery.ships_itself());
        }
    }

    #[test]
    fn a_correction_replaces_the_parcels_and_keeps_the_state() {
        let all = Shipping::default().with_parcels(ship(&["1"], true)).unwrap().with_upload_done(NOW);
        let corrected = all.with_parcels(ship(&["2"], true)).unwrap();
        assert_eq!(corrected.packages, [parcel("2")]);
        assert!(corrected.is_corrected && corrected.is_to_upload());
        assert_eq!(corrected.state, ShippingState::Shipped);
        assert_eq!(corrected.with_upload_refused().state, ShippingState::Shipped);
    }

    #[test]
    fn an_order_has_ten_parcels_at_most() {
        let ten: Vec<_> = (0..10).map(|number| number.to_string()).collect();
        let ten: Vec<&str> = ten.iter().map(String::as_str).collect();
        let shipping = Shipping::default().with_parcels(ship(&ten, false)).unwrap();
        assert!(shipping.with_parcels(ship(&["11"], true)).is_none());
    }

    proptest! {
        #[test]
        fn upload_times_grow_whatever_the_clock_says(clock in prop::collection::vec(0_u64..2_000_000_000, 1..20)) {
            let mut shipping = Shipping::default();
            for now in clock {
                let next = shipping.with_upload_begun(UnixSeconds::new(now));
                prop_assert!(next.upload_time > shipping.upload_time);
                shipping = next.with_upload_failed();
            }
        }

        #[test]
        fn times_of_news_stay_and_the_state_never_goes_back(
            news in prop::collection::vec((select(&ShippingState::ALL[..]), 0_u64..100), 0..12),
        ) {
            let mut shipping = Shipping::default();
            for (state, at) in news {
                let next = shipping.with_news(state, UnixSeconds::new(at));
                prop_assert!(next.state >= shipping.state);
                prop_assert!(shipping.settled_at.is_none() || next.settled_at == shipping.settled_at);
                shipping = next;
            }
        }
    }
}
