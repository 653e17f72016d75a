//! The shipping of an order as its owner and staff see it.

use serde::Serialize;

use crate::{order::ShippingState, store::Shipping, types::Parcel};

/// The shipping of an order as an answer has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShippingView {
    state: ShippingState,
    packages: Vec<PackageView>,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    shipped_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PackageView {
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_no: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    express_company: Option<String>,
    item_desc: String,
}

impl From<Shipping> for ShippingView {
    fn from(shipping: Shipping) -> Self {
        let Shipping { state, packages, shipped_at, received_at, settled_at, .. } = shipping;
        let [shipped_at, received_at, settled_at] =
            [shipped_at, received_at, settled_at].map(|at| at.map(|at| at.to_rfc3339()));
        let packages = packages.into_iter().map(PackageView::from).collect();
        Self { state, packages, shipped_at, received_at, settled_at }
    }
}

impl From<Parcel> for PackageView {
    fn from(Parcel { tracking_no, express_company, item_desc, .. }: Parcel) -> Self {
        Self { tracking_no, express_company, item_desc }
    }
}
