//! The DynamoDB tables, a file or folder each. A method is named after its purpose, and its documentation states its condition.
//!
//! A failed condition is data: it comes back as a variant of an outcome, with the item that made it fail. Everything else
//! that goes wrong is a [`StoreError`].

mod batch;
mod bills;
mod boards;
mod cards;
mod cases;
mod certificates;
mod challenges;
mod complaints;
mod conversations;
mod erasure;
mod groups;
mod idempotency;
mod inbox;

mod item;
mod leases;
mod media_checks;
mod orders;
mod outbox;
mod payments;
mod phone_codes;
mod products;
mod refunds;
mod sessions;
mod shares;
mod steps;

mod subscriptions;
mod tokens;
mod users;
mod work_index;

pub use bills::{
    BillRecord, BillState, Bills, CompareOutcome, Difference, DifferenceCounts, DifferenceKind, FrozenMoney,
    UnbilledCursor, UnbilledPage,
};
pub use boards::Boards;
pub use cards::{
    BeginConsumptionOutcome, CardReport, Cards, Clerk, CodeOwnership, ConsumptionClaim, ConsumptionRecord,
    Membership, Offer, UserCard, UserCards,
};
pub use cases::{Case, CaseCursor, CaseKind, CasePage, Cases, CloseCaseOutcome};
pub use certificates::PlatformCertificates;
pub use challenges::{Challenges, Intent};
pub use complaints::{ComplaintCursor, ComplaintRow, ComplaintRowPage, Complaints, OperatorAct};
pub use conversations::{
    ClaimOutcome, Conversation, ConversationCursor, ConversationPage, Conversations, ConversationsError,
    MessageDirection, MessagePage, MessageStatus as CustomerMessageStatus, MessageWindow, NewMessage,
    OpenedMessage, SendClaim, SentMessage, StoredMessage, WindowKind, WindowLimit,
};
pub use erasure::{BeginErasureOutcome, Erasures, PersonEraser};
pub use groups::{
    DatedSteps, Entrant, EntryTables, GroupMember, GroupMembers, Groups, JoinOutcome, MEMBERSHIP, Player,
    RankProfile, ScoreOutcome, ScoreTables, ShownUser,
};
pub use idempotency::IdempotencyKey;
pub use inbox::{
    ConsentInbox, CustomerInbox, CustomerPushOutcome, ErasedPerson, Inbox, InboxError, KeepOutcome,
    PendingErasure, PendingPush, PushLookup, SubscribeEventsOutcome, SubscribeInbox, VerdictInbox,
    VerdictOutcome,
};
pub use leases::{LeaseName, LeaseTurn, Leases};
pub use media_checks::{
    AvatarChange, AvatarChecks, BeginCheckOutcome, CheckPurpose, LinkOutcome, MediaCheck, MediaCheckLookup,
    MediaCheckResult, MediaCheckState, MediaChecks, NewMediaCheck, VerdictEffect, VerdictEnd,
};
pub use orders::{
    Address, CloseWriteOutcome, InvoiceTitle, NewOrder, Order, OrderDetails, OrderDetailsError,
    OrderDetailsSealer, OrderLine, OrderPage, OrderSummary, Orders, PlaceOutcome, Prepay, PrepayTerms,
    RefundRequest, RefundRequestCursor, RefundRequestId, RefundRequestPage, RefundRequestState,
    RejectRefundOutcome, RequestRefundOutcome, SettleOutcome, ShipOrder, ShipOutcome, Shipping,
    ShippingWrite, UnsettledOrder, WriteOutcome, shipping_shards,
};
pub use outbox::{
    Event, EventKind, EventLookup, MessageClaim, MessageStatus, Outbox, PendingEvent, StockOutcome,
};
pub use payments::PaymentRow;
pub use phone_codes::{PhoneCodeStatus, PhoneCodes};
pub use products::{
    AddStockOutcome, Product, ProductChange, ProductPage, Products, Reservation, Shelf, StockChange,
};
pub use refunds::{
    BeginRefundOutcome, NewRefund, RefundApproval, RefundCause, RefundRefusal, RefundRow,
    RefundSettleOutcome, Refunds,
};
pub use sessions::{CallerError, Session, SessionKeys, SessionKeysError, Sessions};
pub use shares::{DayOfShares, ShareCount, Shares, WeChatFigures};
pub use steps::{DaySteps, StepHistory, Steps};
pub use subscriptions::{ReportOutcome, Subscription, Subscriptions};
pub use tokens::{Lease, LeaseOutcome, Token, TokenName, TokenRow, Tokens, TokensError};
pub use users::{ChosenName, LoginOutcome, NewLogin, PendingAvatar, Phone, Profile, Role, User, Users};
pub use work_index::{OpenWork, WorkCursor, WorkPage, WorkRow, is_unprepaid, shards, unprepaid_shards};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::types::BoxError;

/// A request to DynamoDB failed.
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed")]
pub struct StoreError {
    operation: &'static str,
    transient: bool,
    #[source]
    cause: BoxError,
}

impl StoreError {
    fn new(operation: &'static str, cause: impl Into<BoxError>) -> Self {
        Self { operation, transient: false, cause: cause.into() }
    }

    /// Whether the same request may succeed, now or a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.transient
    }

    /// Other transactions held an item in all of [`item::MAX_ATTEMPTS`] attempts.
    pub(crate) fn contended(operation: &'static str) -> Self {
        Self { operation, transient: true, cause: "other transactions kept the item".into() }
    }

    fn from_sdk<E>(operation: &'static str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let transient = match &error {
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
            SdkError::ServiceError(error) => {
                error.raw().status().is_server_error() || error.err().code().is_some_and(is_transient)
            }
            _ => false,
        };
        // A service's message can quote keys; its code and the operation are enough to find the fault.
        let cause = match error.as_service_error() {
            Some(service) => service.code().unwrap_or("unknown error").to_owned().into(),
            None => BoxError::from(error),
        };
        Self { operation, transient, cause }
    }
}

fn is_transient(code: &str) -> bool {
    matches!(
        code,
        "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "InternalServerError"
            | "TransactionConflictException"
            | "TransactionInProgressException"
    )
}
