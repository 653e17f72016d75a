//! `GET /cgi-bin/ticket/getticket`: what pages (`jsapi`) and cards (`wx_card`) are signed with.
//!
//! Documentation: "Appendix 1: the JS-SDK signature algorithm" (附录1-JS-SDK使用权限签名算法) and "wx.addCard". Both
//! tickets belong to the official account. A ticket is the same for everybody until five minutes before its
//! end.
//!
//! <https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/JS-SDK.html>

use std::collections::HashMap;

use serde_json::json;

use super::tokens::OVERLAP;
use super::{INVALID_ARGUMENT, Owner, access};
use crate::clock::{HOUR, SECOND};
use crate::faults::Fault;
use crate::random;
use crate::upstream::{Answer, Received};
use crate::wechat::WeChat;

pub(crate) fn get_ticket(wechat: &WeChat, received: &Received, fault: Option<&Fault>) -> Answer {
    access::get(wechat, received, fault, Owner::OfficialAccount, || {
        let kind = match received.query("type") {
            Some("jsapi") => Kind::JsApi,
            Some("wx_card") => Kind::Card,
            _ => return Err(INVALID_ARGUMENT),
        };
        let now = wechat.now();
        let state = &mut *wechat.state();
        let Ticket { text, expires } = state.tickets.current(kind, now);
        state.log.remember(&text);
        Ok(json!({"ticket": text, "expires_in": expires.saturating_sub(now) / SECOND}))
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    JsApi,
    Card,
}

#[derive(Debug, Clone)]
struct Ticket {
    text: String,
    expires: u64,
}

/// All tickets, the newest of each kind last.
#[derive(Debug, Default)]
pub(crate) struct Tickets(HashMap<Kind, Vec<Ticket>>);

impl Tickets {
    fn current(&mut self, kind: Kind, now: u64) -> Ticket {
        let tickets = self.0.entry(kind).or_default();
        if let Some(newest) = tickets.last().filter(|last| now.saturating_add(OVERLAP) < last.expires) {
            return newest.clone();
        }
        let fresh = Ticket { text: random::ticket(), expires: now.saturating_add(LIFE) };
        tickets.push(fresh.clone());
        fresh
    }

    /// The tickets a signature may be made with now.
    pub(crate) fn live(&self, kind: Kind, now: u64) -> Vec<&str> {
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
        let first = tickets.current(Kind::Card, 0).text.clone();
        assert_ne!(tickets.current(Kind::JsApi, 0).text, first);
        assert_eq!(tickets.current(Kind::Card, LIFE - OVERLAP - 1).text, first);
        let second = tickets.current(Kind::Card, LIFE - OVERLAP).text.clone();
        assert_eq!(tickets.live(Kind::Card, LIFE - 1), [&first, &second]);
        assert_eq!(tickets.live(Kind::Card, LIFE), [&second]);
    }
}
