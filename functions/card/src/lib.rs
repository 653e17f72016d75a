//! `/api/cards` and `/api/user/cards`: offers, reports, lists and consumes WeChat's cards, and activates member cards.
//!
//! WeChat: 微信卡券. Cards belong to the official account that the mini program is linked to: its token, its ticket. Without one
//! every route answers `NOT_CONFIGURED`.
//!
//! ```text
//! phone                       this function                                    WeChat
//!   │ GET /api/cards ──────────▶ what passed review, each with a signed cardExt
//!   │ wx.addCard ─────────────────────────────────────────────────────────────▶ the user has the card
//!   │◀──────────────────────────────────────────────────────────── a sealed code
//!   │ POST /api/cards/report ──▶ card/code/decrypt ───────────────────────────▶ the code
//!   │ GET /api/user/cards ─────▶ what wx.openCard takes
//! clerk
//!   │ POST /api/cards/verify ──▶ journal: PENDING
//!   │                            card/code/get, card/code/consume ────────────▶ consumed
//!   │◀───────────────────────── journal: CONSUMED
//! ```

mod catalogue;
mod consume;
mod list;
mod member;
mod percent;
mod report;
mod verify;

use shared::{
    api::{ApiError, Code, request},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    service::{AccessTokens, PlatformClient, SessionTokens, StaffGuard},
    store::{Cards, Sessions, TokenName},
    types::{AppId, CardCode, CardId, IdError},
};

use crate::catalogue::Catalogue;

/// Answers requests about cards.
pub struct CardFunction {
    host: Host,
    cards: Cards,
    catalogue: Catalogue,
    is_configured: bool,
    platform: PlatformClient,
    sessions: SessionTokens,
    session_rows: Sessions,
    staff: StaffGuard,
    tokens: AccessTokens,
}

impl Function for CardFunction {
    const NAME: &'static str = "card";

    async fn init(host: &Host) -> Result<Self, HostError> {
        let name = "OFFICIAL_ACCOUNT_APP_ID";
        let is_configured = host.optional_var(name).is_some();
        if is_configured {
            host.parsed_var(name, "an appid", AppId::parse)?;
        }
        Ok(Self {
            host: host.clone(),
            cards: Cards::new(host)?,
            catalogue: Catalogue::new(host),
            is_configured,
            platform: PlatformClient::new(host, TokenName::OfficialAccount)?,
            sessions: SessionTokens::new(host)?,
            session_rows: Sessions::new(host)?,
            staff: StaffGuard::new(host)?,
            tokens: AccessTokens::new(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(&request).await?;
        if !self.is_configured {
            return Err(Code::NotConfigured.into());
        }
        match request::route(&request) {
            "GET /api/cards" => self.list_offered_cards(&caller).await,
            "POST /api/cards/report" => self.report_added_cards(&caller, &request).await,
            "GET /api/user/cards" => self.list_user_cards(&caller).await,
            "POST /api/cards/verify" => self.verify_card(&caller, &request).await,
            "GET /api/cards/member/activation" => self.start_activation(&caller, &request).await,
            "POST /api/cards/member/activate" => self.activate_card(&caller, &request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

impl CardFunction {
    /// 16 random digits: a card's code, or a membership number.
    fn random_digits(&self) -> Result<String, HostError> {
        let number = u64::from_be_bytes(self.host.random()?) % 10_000_000_000_000_000;
        Ok(format!("{number:016}"))
    }
}

/// Reads the field `name`, which must be a card's id.
fn card_id(name: &str, text: Option<String>) -> Result<CardId, ApiError> {
    identifier(name, text, CardId::parse)
}

/// Reads the field `name`, which must be a card's code in clear.
fn code(name: &str, text: Option<String>) -> Result<CardCode, ApiError> {
    identifier(name, text, CardCode::parse)
}

fn identifier<T>(
    name: &str,
    text: Option<String>,
    parse: fn(&str) -> Result<T, IdError>,
) -> Result<T, ApiError> {
    let text = request::required(name, text)?;
    parse(&text).map_err(|error| ApiError::invalid(name, "格式不正确").with_cause(error))
}
