//! A card that users can take: its type, its state and its JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::core::clock::SECOND;
use crate::core::random;

/// The type of a card.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CardType {
    /// For a group purchase.
    Groupon,
    /// Money off.
    #[default]
    Cash,
    /// A percentage off.
    Discount,
    /// A gift.
    Gift,
    /// Any other coupon.
    GeneralCoupon,
    /// Membership.
    MemberCard,
}

/// The status of a card, which decides whether users may take it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CardStatus {
    /// Under review.
    #[serde(rename = "CARD_STATUS_NOT_VERIFY")]
    NotVerified,
    /// Did not pass the review.
    #[serde(rename = "CARD_STATUS_VERIFY_FAIL")]
    VerifyFailed,
    /// Passed the review.
    #[default]
    #[serde(rename = "CARD_STATUS_VERIFY_OK")]
    Verified,
    /// Deleted by the merchant.
    #[serde(rename = "CARD_STATUS_DELETE", alias = "CARD_STATUS_USER_DELETE")]
    Deleted,
    /// Users have taken it.
    #[serde(rename = "CARD_STATUS_DISPATCH", alias = "CARD_STATUS_USER_DISPATCH")]
    Dispatched,
}

/// A card to create.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewCard {
    /// The card id: 28 characters that begin with `p`; a random one if absent.
    pub card_id: Option<String>,
    /// The type of a card.
    pub card_type: CardType,
    /// The title.
    pub title: Option<String>,
    /// Whether the merchant chooses the code of each card.
    pub use_custom_code: bool,
    /// Whether each card is for one user.
    pub bind_openid: bool,
    /// Whether users may take the card.
    pub status: CardStatus,
    /// The number of cards; 10 000 if absent.
    pub quantity: Option<u32>,
    /// The number of cards that a user may have; 50 if absent.
    pub get_limit: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Card {
    pub(super) card_id: String,
    pub(super) card_type: CardType,
    title: String,
    pub(super) use_custom_code: bool,
    pub(super) bind_openid: bool,
    pub(super) status: CardStatus,
    /// The number of cards that are left.
    pub(super) quantity: u32,
    total_quantity: u32,
    pub(super) get_limit: u32,
    created: u64,
}

impl Card {
    pub(super) fn new(new: NewCard, now: u64) -> Self {
        let quantity = new.quantity.unwrap_or(10_000);
        Self {
            card_id: new.card_id.unwrap_or_else(random::card_id),
            card_type: new.card_type,
            title: new.title.unwrap_or_else(|| "本地卡券".to_owned()),
            use_custom_code: new.use_custom_code,
            bind_openid: new.bind_openid,
            status: new.status,
            quantity,
            total_quantity: quantity,
            get_limit: new.get_limit.unwrap_or(50),
            created: now / SECOND,
        }
    }

    /// The life of a taken card, in days; `None` if it does not expire.
    pub(super) fn fixed_term(&self) -> Option<u64> {
        (self.card_type != CardType::MemberCard).then_some(30)
    }

    /// Whether users may take the card.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status, CardStatus::Verified | CardStatus::Dispatched)
    }

    /// The card as `/card/get` shows it.
    pub(super) fn to_json(&self) -> Value {
        let date_info = self.fixed_term().map_or_else(
            || json!({"type": "DATE_TYPE_PERMANENT"}),
            |days| json!({"type": "DATE_TYPE_FIX_TERM", "fixed_term": days, "fixed_begin_term": 0}),
        );
        let base_info = json!({
            "id": self.card_id,
            "logo_url": "https://mmbiz.qpic.cn/mmbiz/local/0",
            "code_type": "CODE_TYPE_QRCODE",
            "brand_name": "本地小店",
            "title": self.title,
            "color": "#10AD61",
            "notice": "使用时向店员出示此券",
            "description": "不可与其他优惠同享",
            "date_info": date_info,
            "sku": {"quantity": self.quantity, "total_quantity": self.total_quantity},
            "get_limit": self.get_limit,
            "can_share": true,
            "can_give_friend": false,
            "use_custom_code": self.use_custom_code,
            "bind_openid": self.bind_openid,
            "status": self.status,
            "create_time": self.created,
            "update_time": self.created,
        });
        let mut special = self.card_type.special();
        special.insert("base_info".to_owned(), base_info);
        special.insert("advanced_info".to_owned(), json!({}));
        let mut fields = Map::from_iter([("card_type".to_owned(), json!(self.card_type))]);
        fields.insert(self.card_type.key().to_owned(), Value::Object(special));
        Value::Object(fields)
    }
}

impl CardType {
    /// The name of the JSON object with the fields of this type.
    fn key(self) -> &'static str {
        match self {
            Self::Groupon => "groupon",
            Self::Cash => "cash",
            Self::Discount => "discount",
            Self::Gift => "gift",
            Self::GeneralCoupon => "general_coupon",
            Self::MemberCard => "member_card",
        }
    }

    /// The fields that only this type has.
    fn special(self) -> Map<String, Value> {
        let fields = match self {
            Self::Groupon => json!({"deal_detail": "双人套餐"}),
            Self::Cash => json!({"least_cost": 1000, "reduce_cost": 100}),
            Self::Discount => json!({"discount": 30}),
            Self::Gift => json!({"gift": "矿泉水一瓶"}),
            Self::GeneralCoupon => json!({"default_detail": "凭券优惠"}),
            Self::MemberCard => json!({
                "prerogative": "会员价",
                "supply_bonus": true,
                "supply_balance": true,
                "wx_activate": true,
            }),
        };
        fields.as_object().cloned().unwrap_or_default()
    }
}

/// The cards that every simulator has: a coupon that any user may take, a coupon with the merchant's code for one user, and a
/// membership card.
pub(super) fn built_in(now: u64) -> Vec<Card> {
    let card = |card_id: &str, card_type, title: &str, custom| NewCard {
        card_id: Some(card_id.to_owned()),
        card_type,
        title: Some(title.to_owned()),
        use_custom_code: custom,
        bind_openid: custom,
        ..NewCard::default()
    };
    let new = [
        card("pLocalCash-Coupon_0000000001", CardType::Cash, "一元代金券", false),
        card("pLocalBound-Custom_000000002", CardType::Discount, "七折专享券", true),
        NewCard {
            get_limit: Some(1),
            ..card("pLocalMember-Card_0000000003", CardType::MemberCard, "会员卡", false)
        },
    ];
    new.into_iter().map(|new| Card::new(new, now)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_ids_have_28_characters_and_begin_with_p() {
        let mut cards = built_in(0);
        cards.push(Card::new(NewCard::default(), 0));
        assert_eq!(cards.len(), 4);
        assert!(cards.iter().all(|card| card.card_id.len() == 28 && card.card_id.starts_with('p')));
    }
}
