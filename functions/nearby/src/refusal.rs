//! Why WeChat refuses a call about nearby places.

use shared::{
    api::{ApiError, Code},
    service::PlatformError,
};

/// What a refusal means for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A field is wrong; WeChat does not say which.
    BadArguments,
    /// The account has not applied for the API, or was not given it.
    NotGranted,
    /// The licence is on the list already.
    LicenceKnown,
    /// No further place may be added.
    QuotaFull,
    /// Another mini program has the place.
    PlaceTaken,
    /// The account may not use nearby places any more.
    Banned,
    /// The place is in review.
    InReview,
    /// The place is being shown.
    Shown,
    /// The review of the place has failed.
    ReviewFailed,
    /// The place is not shown, or may not be.
    NotShown,
    /// The mini program has no released version.
    NotReleased,
    /// There is no such place.
    PlaceUnknown,
    /// The account is an individual's.
    IndividualAccount,
    /// The account is no ordinary mini program.
    NotOrdinary,
    /// WeChat's map does not find the place.
    MapLookupFailed,
}

impl Refusal {
    /// What the errcode means; `None` if it is not one of this API's.
    pub(crate) fn of(errcode: i64) -> Option<Self> {
        Some(match errcode {
            20002 | 47001 => Self::BadArguments,
            48001 => Self::NotGranted,
            92000 | 93014 => Self::LicenceKnown,
            92002 => Self::QuotaFull,
            92003 => Self::PlaceTaken,
            92004 => Self::Banned,
            92005 => Self::InReview,
            92006 => Self::Shown,
            92007 => Self::ReviewFailed,
            92008 => Self::NotShown,
            93009 => Self::NotReleased,
            93010 => Self::PlaceUnknown,
            93011 => Self::IndividualAccount,
            93012 => Self::NotOrdinary,
            93013 => Self::MapLookupFailed,
            _ => return None,
        })
    }

    /// The failure for the operator.
    pub(crate) fn map_error(error: PlatformError) -> ApiError {
        let refused = error.errcode().and_then(|errcode| Some((errcode, Self::of(errcode)?)));
        let Some((errcode, refusal)) = refused else { return error.for_operator() };
        let message = |text: &str| format!("{text}（微信错误码 {errcode}）");
        let answer = match refusal {
            Self::BadArguments => ApiError::new(Code::InvalidInput).with_message(message("参数未被微信接受")),
            Self::NotGranted => Code::NotConfigured.into(),
            Self::PlaceUnknown => ApiError::new(Code::NotFound).with_message(message("地点不存在")),
            other => ApiError::new(Code::Conflict).with_message(message(other.cause())),
        };
        answer.with_cause(error)
    }

    /// The cause in Chinese.
    fn cause(self) -> &'static str {
        match self {
            Self::BadArguments => "参数未被微信接受",
            Self::NotGranted => "账号未开通附近的小程序",
            Self::LicenceKnown => "该经营资质已添加",
            Self::QuotaFull => "可添加的地点数已用完",
            Self::PlaceTaken => "该地点已被其他小程序占用",
            Self::Banned => "附近功能已被封禁",
            Self::InReview => "地点正在审核中",
            Self::Shown => "地点正在展示中",
            Self::ReviewFailed => "地点审核未通过",
            Self::NotShown => "小程序未在该地点展示",
            Self::NotReleased => "小程序尚未发布",
            Self::PlaceUnknown => "地点不存在",
            Self::IndividualAccount => "个人小程序不支持该功能",
            Self::NotOrdinary => "仅普通小程序支持该功能",
            Self::MapLookupFailed => "地图未找到该地点",
        }
    }
}
