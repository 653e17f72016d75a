//! Newtypes: a value is parsed once, at the edge, and is right from then on.
//!
//! There are three classes. *Plain* types print their value. *Personal* types ([`OpenId`], [`UnionId`]) print a short hash, so that
//! a log does not say who the person is. *Secret* types ([`SessionKey`], [`Secret`]) print nothing and are wiped on drop.

mod board;
mod caller;
mod day;
mod error;
mod fen;
mod group;
mod id;
mod id_error;
mod order_no;
mod parcel;
mod secret;
mod share;
mod time;
mod upload;
mod yuan;

pub use board::{Board, BoardId, BoardOrder, BoardPeriod, MAX_SCORE, Score};
pub use caller::Caller;
pub use day::{Day, DayError};
pub use error::{BoxError, error_chain};
pub use fen::{Fen, FenError};
pub use group::GroupId;
pub use id::{
    AppId, CardCode, CardId, ComplaintId, MchId, MediaId, OpenId, OperatorArn, OutRefundNo, PhoneNumber,
    PrepayId, ProductId, TemplateId, TraceId, TransactionId, UnionId, UserId,
};
pub use id_error::IdError;
pub use order_no::{OrderId, OutTradeNo};
pub use parcel::{Delivery, Parcel, masked_contact};
pub use secret::{EncodingAesKey, EncodingAesKeyError, Secret, SessionKey, SessionKeyError};
pub use share::{PagePath, ShareKind, ShareType};
pub use time::{TimeError, UnixSeconds};
pub use upload::{BucketFolder, MediaType, ObjectKey, ObjectKeyError, UploadKind};
pub use yuan::{Rate, Yuan, YuanError};
