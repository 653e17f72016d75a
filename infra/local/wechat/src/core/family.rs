//! The families of APIs, and which path belongs to which family.

/// How an API is called and how it answers: on `api.weixin.qq.com` with JSON and errcodes, or on WeChat Pay's host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// The caller sends an appid and its secret.
    Secret,
    /// The caller sends an `access_token`.
    Token,
    /// The caller sends an `access_token`, and the response is a picture.
    Picture,
    /// `api.mch.weixin.qq.com`, v2: XML, signed with the APIv2 key.
    Pay,
    /// `api.mch.weixin.qq.com`, v3: JSON, signed with the merchant's private key.
    PayV3,
}

impl Family {
    /// Whether the API belongs to WeChat Pay, v2 or v3.
    pub(crate) fn is_pay(self) -> bool {
        matches!(self, Self::Pay | Self::PayV3)
    }

    /// Whether the caller sends an `access_token`.
    pub(crate) fn needs_token(self) -> bool {
        matches!(self, Self::Token | Self::Picture)
    }
}

/// Every path of the server API with its family. Placeholders stand as `{…}`.
#[derive(Debug, Clone, Default)]
pub(crate) struct RouteTable(Vec<(&'static str, Family)>);

impl RouteTable {
    /// The paths for which a fault can be set.
    pub(crate) fn paths(&self) -> Vec<&'static str> {
        self.0.iter().map(|(path, _)| *path).collect()
    }

    /// The family of the path; `None` if there is no such API.
    pub(crate) fn family_of(&self, path: &str) -> Option<Family> {
        self.0.iter().find(|(known, _)| *known == path).map(|(_, family)| *family)
    }
}

impl FromIterator<(&'static str, Family)> for RouteTable {
    fn from_iter<I: IntoIterator<Item = (&'static str, Family)>>(routes: I) -> Self {
        Self(routes.into_iter().collect())
    }
}
