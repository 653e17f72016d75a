//! Which kinds of APIs there are, and which path belongs to which.

/// How an API is called: on `api.weixin.qq.com` with JSON and errcodes, or on WeChat Pay's host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// With an appid and its secret.
    Secret,
    /// With an `access_token`.
    Token,
    /// With an `access_token`; the answer is a picture.
    Picture,
    /// `api.mch.weixin.qq.com`, v2: XML, signed with the APIv2 key.
    Pay,
    /// `api.mch.weixin.qq.com`, v3: JSON, signed with the merchant's private key.
    PayV3,
}

impl Family {
    /// Whether it is WeChat Pay, of whatever version.
    pub(crate) fn is_pay(self) -> bool {
        matches!(self, Self::Pay | Self::PayV3)
    }

    /// Whether its APIs are called with an `access_token`.
    pub(crate) fn needs_token(self) -> bool {
        matches!(self, Self::Token | Self::Picture)
    }
}

/// Every path there is, as the routes are written, with its family.
#[derive(Debug, Clone, Default)]
pub(crate) struct RouteTable(Vec<(&'static str, Family)>);

impl RouteTable {
    /// The paths a fault can be set for.
    pub(crate) fn paths(&self) -> Vec<&'static str> {
        self.0.iter().map(|(path, _)| *path).collect()
    }

    /// Which family the path belongs to; `None` if there is no such API.
    pub(crate) fn family_of(&self, path: &str) -> Option<Family> {
        self.0.iter().find(|(known, _)| *known == path).map(|(_, family)| *family)
    }
}

impl FromIterator<(&'static str, Family)> for RouteTable {
    fn from_iter<I: IntoIterator<Item = (&'static str, Family)>>(routes: I) -> Self {
        Self(routes.into_iter().collect())
    }
}
