//! `cardExt`, with which `wx.addCard` lets a user add a card.
//!
//! WeChat: 批量添加卡券接口 `wx.addCard` and 微信卡券 appendix 4 (卡券扩展字段及签名生成算法): SHA-1 over the **values**, sorted as byte
//! strings and joined without a separator. This is not the algorithm of `wx.config`, and not its ticket.

use serde::Serialize;

use crate::{
    crypto::{hex, sha1},
    types::{CardCode, CardId, OpenId, Secret, UnixSeconds},
};

/// The values of a `cardExt`, which permits to add one card once.
#[derive(Debug, Clone, Copy)]
pub struct CardExt<'a> {
    /// The official account's ticket of type `wx_card`.
    pub api_ticket: &'a Secret,
    /// The card.
    pub card_id: &'a CardId,
    /// The time of signing.
    pub timestamp: UnixSeconds,
    /// A random text, new for each `cardExt`, because WeChat refuses a repeated one.
    pub nonce_str: &'a str,
    /// The code, for cards with merchant-defined codes. For other cards a code is an error.
    pub code: Option<&'a CardCode>,
    /// The one user who may add the card, for cards that are bound to users.
    pub openid: Option<&'a OpenId>,
}

#[derive(Serialize)]
struct Text<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openid: Option<&'a str>,
    timestamp: &'a str,
    nonce_str: &'a str,
    signature: &'a str,
}

impl CardExt<'_> {
    /// The signature: 40 lower-case hexadecimal digits.
    #[must_use]
    pub fn signature(&self) -> String {
        self.sign(&self.timestamp.get().to_string())
    }

    /// The JSON text that `wx.addCard` takes. It has no member for a value that is `None`, and its time is a text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let timestamp = self.timestamp.get().to_string();
        let text = Text {
            code: self.code.map(CardCode::as_str),
            openid: self.openid.map(OpenId::as_str),
            timestamp: &timestamp,
            nonce_str: self.nonce_str,
            signature: &self.sign(&timestamp),
        };
        // All members are texts, so serializing can't fail.
        serde_json::to_string(&text).unwrap_or_default()
    }

    fn sign(&self, timestamp: &str) -> String {
        let mut values = vec![self.api_ticket.expose(), timestamp, self.card_id.as_str(), self.nonce_str];
        values.extend(self.code.map(CardCode::as_str));
        values.extend(self.openid.map(OpenId::as_str));
        // Rust compares texts by their bytes: digits < capitals < `_` < small letters, as WeChat does.
        values.sort_unstable();
        let parts: Vec<&[u8]> = values.into_iter().map(str::as_bytes).collect();
        hex(&sha1(&parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unused_fields_are_left_out_and_the_timestamp_is_a_text() {
        let ext = CardExt {
            api_ticket: &Secret::new("ticket".to_owned()),
            card_id: &CardId::parse("pjZ8Yt1XGILfi-FUsewpnnolGgZk").unwrap(),
            timestamp: UnixSeconds::new(1_404_896_688),
            nonce_str: "123",
            code: None,
            openid: None,
        };
        let text = ext.to_json();
        assert!(text.starts_with(r#"{"timestamp":"1404896688","nonce_str":"123","signature":""#), "{text}");
        let code = CardCode::parse("1434008071").unwrap();
        let text = CardExt { code: Some(&code), ..ext }.to_json();
        assert!(text.starts_with(r#"{"code":"1434008071","timestamp""#), "{text}");
    }
}
