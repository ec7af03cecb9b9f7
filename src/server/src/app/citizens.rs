//! What citizens have beside their conversations: whether a token that we gave still counts, anonymous identities, the past,
//! receipts, and the way to a second device.

use std::{sync::Weak, time::Duration};

use bangban_domain::{
    CitizenId, ContinuationId, ConversationId, Timestamp,
    conversation::may_continue,
    history,
    time::{DAY, SECOND},
    words::{ReceiptState, Stage},
};
use bangban_protocol::{
    Answer, ContinuationView, ErrorCode, EventBody, MyPast, MyReceipt, ReceiptAnswer, ReceiptView, Redeemed, Slot,
    ThreadBody, Topic, VisitorReply, WireError,
};
use bangban_store::{
    Author, Change, ContinuationChange, ContinuationRow, ConversationRow, Event, ReceiptRow, StoreError, Unit,
};
use tokio::time::sleep;

use super::{App, actor, forbidden, internal, store_error, thread_entry};
use crate::{
    auth::{Citizen, Codes, Principal},
    desk::{Actor, Order, new_id},
    hub::Holder,
};

/// Length of one page of 我的咨询.
const PAST_PAGE: u32 = 20;

/// So many answers are shown with a receipt.
const ANSWERS: u32 = 10;

/// How often open connections are compared with what has been taken back, should another node's word have been lost.
const LOOK: Duration = Duration::from_secs(30);

/// The numbers of `[citizen]` that are needed here.
#[derive(Debug, Clone, Copy)]
pub struct CitizenRules {
    /// May people ask who are not logged in?
    pub anonymous: bool,
    /// Life of such an identity without use, in days.
    pub anonymous_days: u32,
    /// Life of a code for a second device, in seconds.
    pub continue_seconds: u32,
}

/// A receipt that somebody has proven to be theirs.
#[derive(Debug)]
pub struct Held {
    receipt: ReceiptRow,
    row: ConversationRow,
}

fn unauthenticated(detail: &str) -> WireError {
    WireError::new(ErrorCode::Unauthenticated, detail)
}

fn no_code() -> WireError {
    let error = WireError::new(ErrorCode::NotFound, "the code was used, or its time is over, or it is none");
    WireError { field: Some("code".to_owned()), ..error }
}

fn no_continuation() -> WireError {
    WireError::new(ErrorCode::NotFound, "no such way to a second device")
}

impl App {
    /// Who a token speaks for, if it has not been taken back.
    ///
    /// # Errors
    /// As [`crate::auth::Auth::identify`]; `unauthenticated` for a visitor's token while there are none, after the visitor
    /// turned out to be a citizen, and for a second device whose right was taken back.
    pub async fn identify(&self, token: &str) -> Result<Principal, WireError> {
        let who = self.auth.identify(token, self.clock.now()).await?;
        if let Principal::Citizen(citizen) = &who {
            self.check_standing(citizen).await?;
        }
        Ok(who)
    }

    async fn check_standing(&self, citizen: &Citizen) -> Result<(), WireError> {
        if citizen.anonymous {
            if !self.citizens.anonymous {
                return Err(unauthenticated("only who is logged in may ask (citizen.anonymous)"));
            }
            if !self.store.claimed_among(&[citizen.id]).await.map_err(store_error)?.is_empty() {
                return Err(unauthenticated("this visitor has logged in since"));
            }
        }
        if let Some(id) = citizen.continuation
            && !self.store.revoked_among(&[id]).await.map_err(store_error)?.is_empty()
        {
            return Err(unauthenticated("the right of this device was taken back"));
        }
        Ok(())
    }

    /// A new anonymous identity, or a new token for one that is still good.
    ///
    /// # Errors
    /// `forbidden` if there are none here, or `known` is no visitor.
    pub fn visitor(&self, known: Option<&Principal>) -> Result<VisitorReply, WireError> {
        let id = match known {
            Some(Principal::Citizen(citizen)) if citizen.anonymous && citizen.continuation.is_none() => citizen.id,
            Some(_) => return Err(forbidden()),
            None if self.citizens.anonymous => CitizenId::new(new_id()),
            None => {
                let detail = "only who is logged in may ask (citizen.anonymous)";
                return Err(WireError::new(ErrorCode::Forbidden, detail));
            }
        };
        let until = self.clock.now() + i64::from(self.citizens.anonymous_days) * DAY;
        let (token, expires_at) = self.auth.own().visitor_token(id, until)?;
        Ok(VisitorReply { token, expires_at })
    }

    pub(super) async fn past(&self, who: &Principal, before: Option<ConversationId>) -> Result<Answer, WireError> {
        let Principal::Citizen(citizen) = who else { return Err(forbidden()) };
        let before = match before {
            Some(id) => Some(self.readable(who, id).await?.0),
            None => None,
        };
        let rows = self.store.past_of(citizen.id, before.as_ref(), PAST_PAGE + 1).await.map_err(store_error)?;
        let more = rows.len() > PAST_PAGE as usize;
        let rows: Vec<ConversationRow> = rows.into_iter().take(PAST_PAGE as usize).collect();
        let ids: Vec<ConversationId> = rows.iter().map(|row| row.id).collect();
        let mut receipts = self.store.receipts_of_all(&ids).await.map_err(store_error)?;
        let now = self.clock.now();
        let conversations = rows.into_iter().map(|row| MyPast {
            id: row.id,
            item_name: self.item_name(row.item.as_deref()),
            item: row.item,
            stage: row.stage,
            outcome: row.outcome,
            stars: row.stars,
            opened_at: row.opened_at,
            closed_at: row.closed_at,
            may_continue: row.stage != Stage::Closed || row.closed_at.is_some_and(|at| may_continue(at, now)),
            receipts: receipts.remove(&row.id).unwrap_or_default().into_iter().map(my_receipt).collect(),
        });
        Ok(Answer::PastConversations { conversations: conversations.collect(), more })
    }

    fn item_name(&self, code: Option<&str>) -> Option<String> {
        self.catalogue().item_name(code)
    }

    // --- the way to a second device ----------------------------------------------------------------------------------

    /// Codes for a second device of the citizen. A second device makes none: taking back its right takes back all.
    pub(super) async fn continue_elsewhere(
        &self,
        who: &Principal,
        at: Timestamp,
        conversation: ConversationId,
    ) -> Result<Answer, WireError> {
        let Principal::Citizen(citizen) = who else { return Err(forbidden()) };
        if citizen.continuation.is_some() {
            return Err(forbidden());
        }
        self.readable(who, conversation).await?;
        let own = self.auth.own();
        let Codes { long, short } = own.new_codes()?;
        let (Some(code), Some(short_code)) = (own.stored(&long), own.stored(&short)) else {
            return Err(internal(&"a code that was just made is none"));
        };
        let id = ContinuationId::new(new_id());
        let expires_at = (at + i64::from(self.citizens.continue_seconds) * SECOND).min(citizen.expires_at);
        let row = ContinuationRow {
            id,
            conversation,
            citizen: citizen.id,
            code,
            short_code,
            made_at: at,
            expires_at,
            token_until: citizen.expires_at,
            redeemed_at: None,
            revoked_at: None,
        };
        let made = history::Event::ContinuationMade { continuation: id };
        // The token of the second device says what this one's says.
        let changes = vec![Change::Citizen(citizen.row(at)), Change::Continuation(ContinuationChange::New(row))];
        self.commit_with(changes, conversation, at, made).await?;
        Ok(Answer::ContinueCode { continuation: id, code: long, short, expires_at })
    }

    pub(super) async fn revoke_continuation(
        &self,
        who: &Principal,
        at: Timestamp,
        id: ContinuationId,
    ) -> Result<Answer, WireError> {
        let row = self.own_continuation(who, id).await?;
        if row.revoked_at.is_none() {
            let changes = vec![Change::Continuation(ContinuationChange::Revoke { id, at })];
            let revoked = history::Event::ContinuationRevoked { continuation: id };
            self.commit_with(changes, row.conversation, at, revoked).await?;
            tracing::info!(continuation = %id, "the way to a second device is taken back");
        }
        self.show_continuation(id).await?;
        self.hub.end_held(|holder| holder.second_device == Some(id));
        Ok(Answer::Done)
    }

    pub(super) async fn own_continuation(
        &self,
        who: &Principal,
        id: ContinuationId,
    ) -> Result<ContinuationRow, WireError> {
        let Principal::Citizen(citizen) = who else { return Err(forbidden()) };
        let row = self.store.continuation(id).await.map_err(store_error)?;
        row.filter(|row| row.citizen == citizen.id).ok_or_else(no_continuation)
    }

    async fn show_continuation(&self, id: ContinuationId) -> Result<(), WireError> {
        if let Some(row) = self.store.continuation(id).await.map_err(store_error)? {
            let view = continuation_view(&row);
            self.hub.publish(Topic::Continuation(id), None, EventBody::Continuation { view });
        }
        Ok(())
    }

    /// Lets the second device in, once.
    ///
    /// # Errors
    /// `not_found`, without saying why the code is none.
    pub async fn redeem(&self, code: &str) -> Result<Redeemed, WireError> {
        let now = self.clock.now();
        let stored = self.auth.own().stored(code).ok_or_else(no_code)?;
        let row = self.store.continuation_by_code(&stored).await.map_err(store_error)?.ok_or_else(no_code)?;
        let (id, conversation) = (row.id, row.conversation);
        let citizen = self.store.citizen(row.citizen).await.map_err(store_error)?.ok_or_else(no_code)?;
        let changes = vec![Change::Continuation(ContinuationChange::Redeem { id, at: now })];
        let redeemed = history::Event::ContinuationRedeemed { continuation: id };
        self.commit_with(changes, conversation, now, redeemed).await?;
        tracing::info!(continuation = %id, citizen = %row.citizen, "a second device was let in");
        let (token, expires_at) = self.auth.own().second_device_token(citizen, id, row.token_until)?;
        self.show_continuation(id).await?;
        Ok(Redeemed { token, expires_at, conversation })
    }

    async fn commit_with(
        &self,
        changes: Vec<Change>,
        conversation: ConversationId,
        at: Timestamp,
        what: history::Event,
    ) -> Result<(), WireError> {
        let event = Event { conversation: Some(conversation), at, actor: Author::Citizen, what };
        let unit = Unit { changes, events: vec![event], ..Unit::default() };
        match self.store.commit(unit).await {
            Ok(_) => Ok(()),
            Err(StoreError::CodeGone) => Err(no_code()),
            Err(error) => Err(store_error(error)),
        }
    }

    // --- a visitor who logs in ---------------------------------------------------------------------------------------

    /// What a visitor asked becomes the citizen's who has both tokens.
    pub(super) async fn claim_visitor(
        &self,
        who: &Principal,
        at: Timestamp,
        visitor: &str,
    ) -> Result<Answer, WireError> {
        let Principal::Citizen(citizen) = who else { return Err(forbidden()) };
        if citizen.anonymous {
            return Err(forbidden());
        }
        let not_one = || WireError::field("visitor", "must be a visitor's token that is good");
        let known = self.identify(visitor).await.map_err(|error| if error.retryable { error } else { not_one() })?;
        let visitor = match known {
            Principal::Citizen(visitor) if visitor.anonymous && visitor.continuation.is_none() => visitor.id,
            Principal::Citizen(_) | Principal::Staff(_) => return Err(not_one()),
        };
        let answer = self.desk.give(actor(who), at, Order::Claim { visitor }).await?;
        tracing::info!(%visitor, citizen = %citizen.id, "a visitor has logged in");
        self.hub.end_held(|holder| holder.visitor == Some(visitor));
        Ok(answer)
    }

    // --- receipts ----------------------------------------------------------------------------------------------------

    /// A receipt with its conversation, for one who proves that it is theirs: by their token, or by the last four digits of the
    /// telephone that was left with it. `None`: there is no such receipt, or the proof does not fit; nobody is told which.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn held(
        &self,
        who: Option<&Principal>,
        number: &str,
        phone_end: Option<&str>,
    ) -> Result<Option<Held>, WireError> {
        let found = self.store.receipt(number).await.map_err(store_error)?;
        let fits = |row: &ConversationRow| match who {
            Some(Principal::Citizen(citizen)) => citizen.id == row.citizen,
            Some(Principal::Staff(_)) => false,
            None => {
                let digits: String =
                    row.call_back_phone.iter().flat_map(|phone| phone.chars()).filter(char::is_ascii_digit).collect();
                phone_end.is_some_and(|end| end.len() == 4 && digits.len() > 4 && digits.ends_with(end))
            }
        };
        Ok(found.filter(|(_, row)| fits(row)).map(|(receipt, row)| Held { receipt, row }))
    }

    /// What has become of a receipt.
    ///
    /// # Errors
    /// Whatever store and desk say; the same holds for the two that follow.
    pub async fn receipt(&self, Held { receipt, row }: Held) -> Result<ReceiptView, WireError> {
        let answers = if receipt.state == ReceiptState::Done && receipt.hand_on.is_none() {
            self.answers(&receipt).await?
        } else {
            Vec::new()
        };
        let is_open = receipt.state == ReceiptState::Open;
        // The slot of an earlier receipt is not known any more.
        let slot = row.slot.filter(|_| is_open);
        let slots = if is_open && row.stage == Stage::CallBack {
            let asked =
                self.desk.give(Actor::Holder(row.citizen), self.clock.now(), Order::CallBackSlots(row.id)).await;
            match asked {
                Ok(Answer::CallBackSlots { slots }) => slots,
                // Its time has come meanwhile.
                Err(error) if error.code == ErrorCode::InvalidStage => Vec::new(),
                Err(error) => return Err(error),
                Ok(other) => return Err(internal(&format!("{other:?} answers no question for slots"))),
            }
        } else {
            Vec::new()
        };
        Ok(ReceiptView {
            item_name: self.item_name(row.item.as_deref()),
            slot: slot.map(|(starts_at, ends_at)| Slot { starts_at, ends_at }),
            reminded_at: receipt.reminded_at.filter(|_| is_open),
            slots,
            may_cancel: is_open && matches!(row.stage, Stage::CallBack | Stage::Waiting | Stage::Offered),
            receipt: receipt.receipt,
            state: receipt.state,
            hand_on: receipt.hand_on,
            made_at: receipt.made_at,
            settled_at: receipt.settled_at,
            answers,
        })
    }

    /// Another time for the promised call-back.
    ///
    /// # Errors
    /// `slot_past` and `slot_full` by name, `invalid_stage` when its time has come.
    pub async fn move_held(&self, held: Held, slot: Timestamp) -> Result<ReceiptView, WireError> {
        let (conversation, receipt) = (held.row.id, Some(held.receipt.receipt.clone()));
        self.change_held(held, Order::MoveCallBack { conversation, receipt, slot }).await
    }

    /// The promised call-back is not wanted any more; of one that was taken back already, nothing.
    ///
    /// # Errors
    /// `invalid_stage` when somebody serves, or it is over.
    pub async fn cancel_held(&self, held: Held) -> Result<ReceiptView, WireError> {
        if held.receipt.state == ReceiptState::Cancelled {
            return self.receipt(held).await;
        }
        let (conversation, receipt) = (held.row.id, held.receipt.receipt.clone());
        self.change_held(held, Order::CancelCallBack { conversation, receipt }).await
    }

    async fn change_held(&self, held: Held, order: Order) -> Result<ReceiptView, WireError> {
        let given = self.desk.give(Actor::Holder(held.row.citizen), self.clock.now(), order).await;
        // Whoever has a receipt knows of its conversation: it is only closed.
        given.map_err(|error| match error.code {
            ErrorCode::NotFound => WireError::new(ErrorCode::InvalidStage, "the conversation is closed"),
            _ => error,
        })?;
        let after = self.store.receipt(&held.receipt.receipt).await.map_err(store_error)?;
        let (receipt, row) = after.unwrap_or((held.receipt, held.row));
        self.receipt(Held { receipt, row }).await
    }

    /// What staff have written between the making of a receipt and its end.
    async fn answers(&self, receipt: &ReceiptRow) -> Result<Vec<ReceiptAnswer>, WireError> {
        let rows = self.store.said_by_staff(receipt.conversation, receipt.made_at, ANSWERS).await;
        let entries = rows.map_err(store_error)?.into_iter().map(thread_entry).collect::<Result<Vec<_>, _>>()?;
        let is_in_time = |at: Timestamp| receipt.settled_at.is_none_or(|settled| at <= settled);
        let texts = entries.into_iter().filter(|entry| is_in_time(entry.at)).filter_map(|entry| match entry.body {
            ThreadBody::Text { text, .. } => Some(ReceiptAnswer { at: entry.at, text }),
            _ => None,
        });
        Ok(texts.collect())
    }

    /// Ends connections whose right was taken back elsewhere.
    async fn end_what_was_taken_back(&self) -> Result<(), StoreError> {
        let held = self.hub.held();
        let visitors: Vec<_> = held.iter().filter_map(|holder| holder.visitor).collect();
        let devices: Vec<_> = held.iter().filter_map(|holder| holder.second_device).collect();
        let claimed = self.store.claimed_among(&visitors).await?;
        let revoked = self.store.revoked_among(&devices).await?;
        self.hub.end_held(|Holder { visitor, second_device }| {
            visitor.is_some_and(|id| claimed.contains(&id)) || second_device.is_some_and(|id| revoked.contains(&id))
        });
        Ok(())
    }
}

/// See [`LOOK`].
pub(super) async fn watch_holders(app: Weak<App>) {
    loop {
        sleep(LOOK).await;
        let Some(app) = app.upgrade() else { return };
        if let Err(error) = app.end_what_was_taken_back().await {
            tracing::warn!(%error, "what was taken back cannot be read");
        }
    }
}

fn my_receipt(row: ReceiptRow) -> MyReceipt {
    MyReceipt { receipt: row.receipt, state: row.state, hand_on: row.hand_on, made_at: row.made_at }
}

pub(super) fn continuation_view(row: &ContinuationRow) -> ContinuationView {
    ContinuationView {
        id: row.id,
        conversation: row.conversation,
        expires_at: row.expires_at,
        redeemed_at: row.redeemed_at,
        revoked_at: row.revoked_at,
    }
}
