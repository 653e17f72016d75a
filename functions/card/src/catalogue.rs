//! The cards that users can add, as WeChat's console has them. They are read at most every five minutes.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value, json};
use shared::{
    api::{ApiError, Code},
    host::{Host, RetryPolicy},
    service::{PlatformClient, PlatformError},
    telemetry,
    types::{CardId, UnixSeconds},
    wechat::loose_json,
};
use tokio::sync::Mutex;

/// A card's id, and what its `cardExt` must contain.
#[derive(Debug, Clone)]
pub(crate) struct CardTerms {
    pub(crate) card_id: CardId,
    /// Whether this shop makes the card's codes, instead of WeChat.
    pub(crate) use_custom_code: bool,
    /// Whether a `cardExt` is valid for one user only.
    pub(crate) bind_openid: bool,
}

/// The cards that passed WeChat's review, cached.
pub(crate) struct Catalogue {
    host: Host,
    /// The lock is held while WeChat is asked, so that concurrent requests wait for one answer.
    cached: Mutex<Option<CachedCards>>,
}

struct CachedCards {
    cards: Arc<[CardTerms]>,
    read_at: UnixSeconds,
}

impl Catalogue {
    pub(crate) fn new(host: &Host) -> Self {
        Self { host: host.clone(), cached: Mutex::new(None) }
    }

    /// The cards, as they were at most [`MAX_CATALOGUE_AGE`] ago.
    ///
    /// # Errors
    /// [`ApiError`]: WeChat or the access token could not be reached. WeChat was only read, so asking again is safe.
    pub(crate) async fn cards(&self, platform: &PlatformClient) -> Result<Arc<[CardTerms]>, ApiError> {
        let mut cached = self.cached.lock().await;
        let now = self.host.now();
        if let Some(cached) = cached.as_ref().filter(|cached| now.since(cached.read_at) < MAX_CATALOGUE_AGE) {
            return Ok(cached.cards.clone());
        }
        let ids = fetch_card_ids(platform).await?;
        let terms =
            stream::iter(ids).map(|card_id| fetch_terms(platform, card_id)).buffered(CONCURRENT_CALLS);
        let terms: Vec<Option<CardTerms>> = terms.try_collect().await?;
        let cards: Arc<[CardTerms]> = terms.into_iter().flatten().collect();
        *cached = Some(CachedCards { cards: cards.clone(), read_at: now });
        Ok(cards)
    }
}

/// The ids of all cards that passed review, page by page.
async fn fetch_card_ids(platform: &PlatformClient) -> Result<Vec<CardId>, ApiError> {
    let mut ids = Vec::new();
    for page in 0..MAX_PAGES {
        let offset = page * PAGE_SIZE;
        let body = json!({ "offset": offset, "count": PAGE_SIZE,
                           "status_list": ["CARD_STATUS_VERIFY_OK", "CARD_STATUS_DISPATCH"] });
        let answer = platform.post("/card/batchget", &body, RetryPolicy::AnyFailure).await?;
        let list = answer.get("card_id_list").and_then(Value::as_array);
        let list =
            list.ok_or_else(|| ApiError::new(Code::Internal).with_cause("the answer has no card_id_list"))?;
        ids.extend(list.iter().filter_map(|id| CardId::parse(id.as_str()?).ok()));
        let total = answer.get("total_num").and_then(loose_json::whole_number).unwrap_or_default();
        if list.is_empty() || offset + PAGE_SIZE >= total {
            return Ok(ids);
        }
    }
    telemetry::operator_alert("card-list-truncated", &ids.len());
    Ok(ids)
}

/// The card's terms; `None` if it was deleted meanwhile.
async fn fetch_terms(platform: &PlatformClient, card_id: CardId) -> Result<Option<CardTerms>, PlatformError> {
    let body = json!({ "card_id": card_id.as_str() });
    let answer = match platform.post("/card/get", &body, RetryPolicy::AnyFailure).await {
        Err(error) if matches!(error.errcode(), Some(40073 | 40078 | 40107)) => return Ok(None),
        answer => answer?,
    };
    Ok(answer.get("card").and_then(base_info).map(|base| CardTerms {
        card_id,
        use_custom_code: flag(base, "use_custom_code"),
        bind_openid: flag(base, "bind_openid"),
    }))
}

/// The card's `base_info`, which stands below the card's type in small letters: `cash`, `member_card`…
fn base_info(card: &Value) -> Option<&Map<String, Value>> {
    card.as_object()?.values().find_map(|part| part.get("base_info")?.as_object())
}

fn flag(fields: &Map<String, Value>, name: &str) -> bool {
    match fields.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text == "true" || text == "1",
        Some(Value::Number(number)) => number.as_u64() == Some(1),
        _ => false,
    }
}

/// Ids that WeChat gives in one answer.
const PAGE_SIZE: u64 = 50;
const MAX_PAGES: u64 = 10;
/// Calls for cards' terms at the same time.
const CONCURRENT_CALLS: usize = 8;
/// How long the cards are used without asking WeChat again.
const MAX_CATALOGUE_AGE: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terms_are_read_from_every_card_type_and_json_type() {
        let card = json!({ "card_type": "MEMBER_CARD", "member_card": { "base_info":
            { "use_custom_code": "true", "bind_openid": 1, "can_share": "false" }, "advanced_info": {} } });
        let base = base_info(&card).unwrap();
        assert!(flag(base, "use_custom_code") && flag(base, "bind_openid"));
        assert!(!flag(base, "can_share") && !flag(base, "absent"));
        assert!(base_info(&json!({ "card_type": "CASH" })).is_none());
    }
}
