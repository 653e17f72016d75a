//! Which cards there are to be had, as WeChat's console has them: read at most every few minutes.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value, json};
use shared::{
    error::{ApiError, Code},
    host::Host,
    telemetry,
    types::{CardId, UnixSeconds},
    wechat::{Platform, PlatformError, Repeat, loose_json},
};
use tokio::sync::Mutex;

/// What a user needs to add a card.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) card_id: CardId,
    /// Its codes are ours.
    pub(crate) use_custom_code: bool,
    /// Each permission is for one user.
    pub(crate) bind_openid: bool,
}

/// The cards that passed review.
pub(crate) struct Catalogue {
    host: Host,
    /// One request at a time asks WeChat; the others wait for what it brings.
    read: Mutex<Option<Read>>,
}

struct Read {
    cards: Arc<[Terms]>,
    at: UnixSeconds,
}

impl Catalogue {
    pub(crate) fn new(host: &Host) -> Self {
        Self { host: host.clone(), read: Mutex::new(None) }
    }

    /// The cards, as they were a few minutes ago at most.
    pub(crate) async fn cards(&self, platform: &Platform) -> Result<Arc<[Terms]>, ApiError> {
        let mut read = self.read.lock().await;
        let now = self.host.now();
        if let Some(read) = read.as_ref().filter(|read| now.since(read.at) < MAX_AGE) {
            return Ok(read.cards.clone());
        }
        let ids = passed(platform).await?;
        let terms = stream::iter(ids).map(|card_id| terms(platform, card_id)).buffered(AT_ONCE);
        let terms: Vec<Option<Terms>> = terms.try_collect().await?;
        let cards: Arc<[Terms]> = terms.into_iter().flatten().collect();
        *read = Some(Read { cards: cards.clone(), at: now });
        Ok(cards)
    }
}

/// The ids of all cards that passed review, page by page.
async fn passed(platform: &Platform) -> Result<Vec<CardId>, ApiError> {
    let mut ids = Vec::new();
    for page in 0..MAX_PAGES {
        let offset = page * PAGE;
        let body = json!({ "offset": offset, "count": PAGE,
                           "status_list": ["CARD_STATUS_VERIFY_OK", "CARD_STATUS_DISPATCH"] });
        let answer = platform.post("/card/batchget", &body, Repeat::Always).await?;
        let list = answer.get("card_id_list").and_then(Value::as_array);
        let list =
            list.ok_or_else(|| ApiError::new(Code::Internal).because("the answer has no card_id_list"))?;
        ids.extend(list.iter().filter_map(|id| CardId::parse(id.as_str()?).ok()));
        let total = answer.get("total_num").and_then(loose_json::whole_number).unwrap_or_default();
        if list.is_empty() || offset + PAGE >= total {
            return Ok(ids);
        }
    }
    telemetry::attention("too-many-cards", &ids.len());
    Ok(ids)
}

/// The card's terms; none if it went meanwhile.
async fn terms(platform: &Platform, card_id: CardId) -> Result<Option<Terms>, PlatformError> {
    let body = json!({ "card_id": card_id.as_str() });
    let answer = match platform.post("/card/get", &body, Repeat::Always).await {
        Err(error) if matches!(error.errcode(), Some(40073 | 40078 | 40107)) => return Ok(None),
        answer => answer?,
    };
    Ok(answer.get("card").and_then(base_info).map(|base| Terms {
        card_id,
        use_custom_code: flag(base, "use_custom_code"),
        bind_openid: flag(base, "bind_openid"),
    }))
}

/// It stands below the card's type in small letters: `cash`, `member_card`…
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

/// What WeChat gives at once.
const PAGE: u64 = 50;
const MAX_PAGES: u64 = 10;
/// Calls at a time for the cards' terms.
const AT_ONCE: usize = 8;
const MAX_AGE: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terms_are_found_whatever_the_type_and_in_whatever_form() {
        let card = json!({ "card_type": "MEMBER_CARD", "member_card": { "base_info":
            { "use_custom_code": "true", "bind_openid": 1, "can_share": "false" }, "advanced_info": {} } });
        let base = base_info(&card).unwrap();
        assert!(flag(base, "use_custom_code") && flag(base, "bind_openid"));
        assert!(!flag(base, "can_share") && !flag(base, "absent"));
        assert!(base_info(&json!({ "card_type": "CASH" })).is_none());
    }
}
