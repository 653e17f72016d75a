//! `/api/record-share`, `/api/share/…`, `/api/admin/shares`: who shares what, who comes by that, and from which group.
//!
//! WeChat: 转发, `wx.getGroupEnterInfo`. WeChat does not say whether a user has shared, only that the user was about to. What can be
//! counted is who opens a card, by the share id in its address, once per visitor and day. API Gateway has authenticated the operators of
//! the routes under `/api/admin`.

mod entry;
mod group;
mod intent;
mod known_pages;
mod list;
mod visitor;

use shared::{
    api::{ApiError, Code, RateLimit, request},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    service::{SessionTokens, ShareIds, WeChatSessions},
    store::{EntryTables, Groups, Shares},
};

use crate::{known_pages::KnownPages, visitor::RecentVisitors};

/// Counts shares and entries, and makes users members of groups.
pub struct ShareFunction {
    host: Host,
    share_ids: ShareIds,
    shares: Shares,
    groups: Groups,
    entry_tables: EntryTables,
    sessions: SessionTokens,
    wechat_sessions: WeChatSessions,
    known_pages: KnownPages,
    recent_visitors: RecentVisitors,
    intents_of_user: RateLimit,
    visitors_of_source: RateLimit<String>,
}

impl Function for ShareFunction {
    const NAME: &'static str = "share";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            share_ids: ShareIds::new(host)?,
            shares: Shares::new(host)?,
            groups: Groups::new(host)?,
            entry_tables: EntryTables::new(host)?,
            sessions: SessionTokens::new(host)?,
            wechat_sessions: WeChatSessions::new(host)?,
            known_pages: KnownPages::default(),
            recent_visitors: RecentVisitors::default(),
            intents_of_user: RateLimit::per_minute(INTENTS_PER_MINUTE),
            visitors_of_source: RateLimit::per_minute(VISITORS_PER_MINUTE),
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "POST /api/record-share" => self.record_intent(&request).await,
            "POST /api/share/entry" => self.count_entry(&request).await,
            "POST /api/share/group" => self.enter_group(&request).await,
            "GET /api/admin/shares" => self.list_shares(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

/// Nobody shares more often by hand.
const INTENTS_PER_MINUTE: u32 = 30;
/// New visitors of one address, or of one user. Behind one address can be a whole office, or many customers of a mobile operator.
const VISITORS_PER_MINUTE: u32 = 1200;
