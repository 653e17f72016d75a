//! What a user shares: in which way, and which page.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::IdError;

/// The way in which a page is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ShareType {
    /// A card in a chat: `onShareAppMessage`.
    AppMessage,
    /// In Moments: `onShareTimeline`.
    Timeline,
}

impl ShareType {
    /// Reads WeChat's name; `None` for any other.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::AppMessage, Self::Timeline].into_iter().find(|share_type| share_type.as_str() == name)
    }

    /// The name that mini programs send.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AppMessage => "appMessage",
            Self::Timeline => "timeline",
        }
    }
}

/// The route of a page, without a slash at the beginning and without a query.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct PagePath(String);

impl PagePath {
    /// Reads a route. A slash before it and a query behind it are dropped.
    ///
    /// # Errors
    /// [`IdError`]: the text breaks a rule, which the error names.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let path = text.split('?').next().unwrap_or_default().trim_start_matches('/');
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte);
        if (1..=128).contains(&path.len()) && path.bytes().all(is_allowed) {
            Ok(Self(path.to_owned()))
        } else {
            Err(IdError { what: "page", rule: "must be 1 to 128 letters, digits or any of /_-." })
        }
    }

    /// Stands for pages that are not counted one by one.
    #[must_use]
    pub fn other() -> Self {
        Self("other".to_owned())
    }

    /// The route.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PagePath {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

/// What is counted together: a page, shared in one way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShareKind {
    /// The way.
    pub share_type: ShareType,
    /// The page.
    pub page: PagePath,
}

impl ShareKind {
    /// Reads the form that [`ShareKind`] is displayed in.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (share_type, page) = text.split_once('#')?;
        Some(Self { share_type: ShareType::parse(share_type)?, page: PagePath::parse(page).ok()? })
    }
}

impl fmt::Display for ShareKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.share_type.as_str(), self.page.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_its_route_alone() {
        for text in ["pages/goods/detail", "/pages/goods/detail", "pages/goods/detail?id=7&x=1"] {
            assert_eq!(PagePath::parse(text).unwrap().as_str(), "pages/goods/detail");
        }
        for text in ["", "/", "?id=7", "页面", "pages/a b", &"p".repeat(129)] {
            assert!(PagePath::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_kind_is_read_from_its_key() {
        let page = PagePath::parse("pages/index/index").unwrap();
        for share_type in [ShareType::AppMessage, ShareType::Timeline] {
            let kind = ShareKind { share_type, page: page.clone() };
            assert_eq!(ShareKind::parse(&kind.to_string()), Some(kind));
        }
        assert_eq!(ShareKind::parse("moments#pages/index/index"), None);
    }
}
