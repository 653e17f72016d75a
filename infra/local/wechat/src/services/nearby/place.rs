//! The places of the mini program and the states of their reviews.

use serde::Serialize;

use crate::base::platform::Errcode;
use crate::core::clock::SECOND;

/// A place with the fields that the list answers.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Place {
    #[serde(skip)]
    pub(super) audit_id: String,
    /// `0` while the place is in review.
    pub(super) poi_id: String,
    pub(super) qualification_address: String,
    pub(super) qualification_num: String,
    pub(super) audit_status: u8,
    pub(super) display_status: u8,
    pub(super) refuse_reason: String,
}

/// What a request asks for.
pub(super) struct NewPlace {
    pub(super) poi_id: String,
    pub(super) address: String,
    pub(super) credential: String,
}

/// All places, oldest first.
#[derive(Debug, Default)]
pub(super) struct Places {
    places: Vec<Place>,
    numbered: u64,
    /// When the last call came, in unix milliseconds.
    called_at: Option<u64>,
}

impl Places {
    /// Notes a call, which must come a second after the one before.
    pub(super) fn count_call(&mut self, now: u64) -> Result<(), Errcode> {
        let last = self.called_at.replace(now);
        if last.is_some_and(|last| now < last.saturating_add(SECOND)) { Err(TOO_FAST) } else { Ok(()) }
    }

    /// Adds a place, or changes a known one; its audit id and number. It is in review then.
    pub(super) fn put(&mut self, new: NewPlace) -> Result<(String, String), Errcode> {
        let known = self.places.iter().any(|place| {
            place.qualification_num == new.credential
                && place.qualification_address == new.address
                && place.poi_id != new.poi_id
        });
        if known {
            return Err(LICENCE_KNOWN);
        }
        self.numbered = self.numbered.saturating_add(1);
        let audit_id = format!("{}", 500_000 + self.numbered);
        if !new.poi_id.is_empty() {
            let place =
                self.places.iter_mut().find(|place| place.poi_id == new.poi_id).ok_or(PLACE_UNKNOWN)?;
            if place.audit_status == IN_REVIEW {
                return Err(BEING_REVIEWED);
            }
            place.audit_id.clone_from(&audit_id);
            place.audit_status = IN_REVIEW;
            place.qualification_address = new.address;
            place.qualification_num = new.credential;
            return Ok((audit_id, new.poi_id));
        }
        if self.places.len() >= MAX_PLACES {
            return Err(QUOTA_FULL);
        }
        self.places.push(Place {
            audit_id: audit_id.clone(),
            poi_id: NO_NUMBER.to_owned(),
            qualification_address: new.address,
            qualification_num: new.credential,
            audit_status: IN_REVIEW,
            display_status: 0,
            refuse_reason: String::new(),
        });
        Ok((audit_id, NO_NUMBER.to_owned()))
    }

    /// Ends the review of a place; its number, or `None` if no such place is in review.
    pub(super) fn review(&mut self, audit_id: &str, refuse_reason: Option<String>) -> Option<String> {
        let place = self.places.iter_mut().find(|p| p.audit_id == audit_id && p.audit_status == IN_REVIEW)?;
        place.audit_status = if refuse_reason.is_some() { REFUSED } else { PASSED };
        if refuse_reason.is_none() && place.poi_id == NO_NUMBER {
            place.poi_id = format!("4850{audit_id}");
            place.display_status = 1;
        }
        place.refuse_reason = refuse_reason.unwrap_or_default();
        Some(place.poi_id.clone())
    }

    pub(super) fn delete(&mut self, poi_id: &str) -> Result<(), Errcode> {
        let before = self.places.len();
        self.places.retain(|place| place.poi_id != poi_id || poi_id == NO_NUMBER);
        if self.places.len() < before { Ok(()) } else { Err(PLACE_UNKNOWN) }
    }

    pub(super) fn show(&mut self, poi_id: &str, status: u8) -> Result<(), Errcode> {
        let place = self.places.iter_mut().find(|place| place.poi_id == poi_id && poi_id != NO_NUMBER);
        let place = place.ok_or(PLACE_UNKNOWN)?;
        match place.audit_status {
            IN_REVIEW => return Err(BEING_REVIEWED),
            REFUSED => return Err(REVIEW_FAILED),
            _ => place.display_status = status,
        }
        Ok(())
    }

    pub(super) fn all(&self) -> &[Place] {
        &self.places
    }

    /// How many places may still be added.
    pub(super) fn left(&self) -> usize {
        MAX_PLACES.saturating_sub(self.places.len())
    }
}

const IN_REVIEW: u8 = 3;
const REFUSED: u8 = 4;
const PASSED: u8 = 5;
const NO_NUMBER: &str = "0";
/// How many places a mini program may have.
pub(super) const MAX_PLACES: usize = 10;
const TOO_FAST: Errcode = Errcode::new(45011, "api minute-quota reach limit, mustslower, retry next minute");
const LICENCE_KNOWN: Errcode = Errcode::new(92000, "this credential has been added");
const QUOTA_FULL: Errcode = Errcode::new(92002, "no quota left to add a place");
const BEING_REVIEWED: Errcode = Errcode::new(92005, "the place is in review");
const REVIEW_FAILED: Errcode = Errcode::new(92007, "the review of the place failed");
const PLACE_UNKNOWN: Errcode = Errcode::new(93010, "the place does not exist");
