//! The tickets that pages (`jsapi`) and cards (`wx_card`) are signed with.
//!
//! Documentation: "Appendix 1: the JS-SDK signature algorithm" (附录1-JS-SDK使用权限签名算法) and "wx.addCard". Both tickets belong to the
//! official account. All callers get the same ticket until five minutes before its end.
//!
//! <https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/JS-SDK.html>

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::access_tokens::OVERLAP;
use crate::core::clock::HOUR;
use crate::core::random;

/// The purpose of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum TicketKind {
    JsApi,
    Card,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ticket {
    pub(super) text: String,
    /// Unix milliseconds.
    pub(super) expires: u64,
}

/// All tickets, the newest of each kind last.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tickets(HashMap<TicketKind, Vec<Ticket>>);

impl Tickets {
    /// The ticket to give out now: the newest one, or a new one if that ends within five minutes.
    pub(super) fn current(&mut self, kind: TicketKind, now: u64) -> Ticket {
        let tickets = self.0.entry(kind).or_default();
        if let Some(newest) = tickets.last().filter(|last| now.saturating_add(OVERLAP) < last.expires) {
            return newest.clone();
        }
        let fresh = Ticket { text: random::ticket(), expires: now.saturating_add(LIFE) };
        tickets.push(fresh.clone());
        fresh
    }

    /// The tickets that are valid for signatures now.
    pub(super) fn live(&self, kind: TicketKind, now: u64) -> Vec<&str> {
        let tickets = self.0.get(&kind).into_iter().flatten();
        tickets.filter(|ticket| now < ticket.expires).map(|ticket| ticket.text.as_str()).collect()
    }
}

const LIFE: u64 = 2 * HOUR;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_shared_and_lives_beside_its_successor() {
        let mut tickets = Tickets::default();
        let first = tickets.current(TicketKind::Card, 0).text.clone();
        assert_ne!(tickets.current(TicketKind::JsApi, 0).text, first);
        assert_eq!(tickets.current(TicketKind::Card, LIFE - OVERLAP - 1).text, first);
        let second = tickets.current(TicketKind::Card, LIFE - OVERLAP).text.clone();
        assert_eq!(tickets.live(TicketKind::Card, LIFE - 1), [&first, &second]);
        assert_eq!(tickets.live(TicketKind::Card, LIFE), [&second]);
    }
}
