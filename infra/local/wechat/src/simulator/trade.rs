//! The methods of the simulator that concern what follows a payment: shipping, receipt, settlement, complaints.

use super::Simulator;
use crate::pay::ledger::complaints::{ComplaintEntry, NewComplaint};
use crate::pay::ledger::shipping::settings::ShippingSettings;
use crate::pay::ledger::shipping::shipment::ShippingEntry;
use crate::pay::{complaints, shipping};

impl Simulator {
    /// What WeChat says about the mini program as a seller.
    pub fn shipping_settings(&self) -> ShippingSettings {
        self.pay().ledger().shipping.settings.clone()
    }

    /// Changes what WeChat says about the mini program as a seller.
    pub fn set_shipping_settings(&self, settings: ShippingSettings) {
        self.pay().ledger().shipping.change_settings(settings);
    }

    /// Does what time has done by now (reminders, receipts, settlements), and pushes the events. Every request of the back end does
    /// that, too.
    pub fn run_due_shipping(&self) {
        shipping::run_due(self.pay());
    }

    /// The paid orders with their shipping, oldest first.
    pub fn shipments(&self) -> Vec<ShippingEntry> {
        let now = self.pay().now();
        self.pay().ledger().shipping_entries(now)
    }

    /// Where WeChat's order messages lead to, if the back end has set it.
    pub fn order_message_path(&self) -> Option<String> {
        self.pay().ledger().shipping.message_path.clone()
    }

    /// A buyer complains of a payment; returns the number of the complaint. Its notice is sent if the merchant has an address for it.
    ///
    /// # Panics
    ///
    /// If there is no such payment, because such a test has a mistake.
    pub fn complain(&self, new: NewComplaint) -> String {
        let result = complaints::create(self.pay(), new);
        #[expect(clippy::panic, reason = "a test that complains of such an order has a mistake")]
        result.unwrap_or_else(|why| panic!("{why}"))
    }

    /// The buyer or WeChat does something about a complaint, by the name of a notice's `action_type`, and the notice is sent.
    ///
    /// # Panics
    ///
    /// If there is no such complaint, because such a test would prove nothing.
    pub fn act_on_complaint(&self, complaint_id: &str, action_type: &str, text: &str) {
        let acted = complaints::act(self.pay(), complaint_id, action_type, text);
        assert_eq!(acted, Ok(()));
    }

    /// The merchant says in the merchant console that a complaint is dealt with; no notice tells of it.
    ///
    /// # Panics
    ///
    /// If there is no such complaint, or it has ended, because such a test would prove nothing.
    pub fn complete_complaint_in_console(&self, complaint_id: &str) {
        assert_eq!(complaints::complete_in_console(self.pay(), complaint_id), Ok(()));
    }

    /// All complaints, oldest first.
    pub fn complaints(&self) -> Vec<ComplaintEntry> {
        complaints::entries(self.pay())
    }

    /// Where notices of complaints go.
    pub fn complaint_url(&self) -> Option<String> {
        self.pay().ledger().complaints.notify_url.clone()
    }

    /// Changes where notices of complaints go, as the merchant's console does.
    pub fn set_complaint_url(&self, url: Option<String>) {
        self.pay().ledger().complaints.notify_url = url;
    }
}
