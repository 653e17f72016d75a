//! A parcel, and how it is shipped.

use serde::{Deserialize, Serialize};

/// A parcel of a shipment; without a number if nothing is sent by an express company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// The express company's number of the parcel.
    pub tracking_no: String,
    /// The company's `delivery_id`.
    pub express_company: String,
    /// What is in the parcel.
    pub item_desc: String,
    /// When it was entered, in unix seconds.
    pub upload_time: u64,
    /// The masked phone number of the receiver, or of the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

impl Parcel {
    /// Whether both describe the same parcel, whenever it was entered.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let Self { tracking_no, express_company, item_desc, contact, .. } = self;
        (tracking_no, express_company, item_desc, contact)
            == (&other.tracking_no, &other.express_company, &other.item_desc, &other.contact)
    }

    /// Whether both have the same number of the same company.
    fn has_number_of(&self, other: &Self) -> bool {
        (&self.express_company, &self.tracking_no) == (&other.express_company, &other.tracking_no)
    }
}

/// How a payment is shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LogisticsType {
    Express,
    SameCity,
    Virtual,
    PickUp,
}

impl LogisticsType {
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        [Self::Express, Self::SameCity, Self::Virtual, Self::PickUp]
            .into_iter()
            .find(|known| i64::from(known.number()) == number)
    }

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Express => 1,
            Self::SameCity => 2,
            Self::Virtual => 3,
            Self::PickUp => 4,
        }
    }
}

/// Adds parcels to those there are. A parcel whose number is known takes the other's place.
pub(crate) fn add_parcels(parcels: &mut Vec<Parcel>, new: Vec<Parcel>) {
    for parcel in new {
        match parcels.iter_mut().find(|known| known.has_number_of(&parcel)) {
            Some(known) => *known = parcel,
            None => parcels.push(parcel),
        }
    }
}
