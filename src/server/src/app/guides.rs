//! Guided dialogues as they are kept: lists, drafts, steps, and the walk that somebody tries while they write. The steps are
//! those of the knowledge base, each with its line of the audit log, which has ids and numbers and nothing that was written.

use bangban_domain::{
    guide::{Checklist, Facts, Guide, Next, Refusal},
    knowledge::{Head, Origin, RevisionState, Step},
    org::{Invalid, Item, UnitKind},
    rights::Action,
};
use bangban_protocol::{
    EntryStep, ErrorCode, GuideDraft, GuideLine, GuideList, GuideOption, GuideRevisionView, GuideStepOrder, GuideTried,
    GuideTry, GuideView, WireError,
};
use bangban_store::{Audit, Author, Change, GuideChange, GuideRevision, GuideRow, Unit};

use super::{
    App, Keeper, forbidden,
    knowledge::{outdated, refused, why},
    store_error,
};
use crate::{
    auth::Staff,
    catalogue::Catalogue,
    guides::{choices, given, situations},
    privacy::json,
};

fn none() -> WireError {
    WireError::new(ErrorCode::NotFound, "no guide that you may see")
}

fn unfit(error: Invalid) -> WireError {
    WireError::field(format!("content.{}", error.field), error.problem)
}

/// Everything that a guide that is reviewed has to be.
fn check(content: &Guide, item: &Item, catalogue: &Catalogue) -> Result<(), WireError> {
    content.check().and_then(|()| content.check_item(item, catalogue.directory())).map_err(unfit)
}

impl App {
    fn may_keep_guide(&self, staff: &Staff, action: Action, code: &str, item: &Item) -> bool {
        self.may_keep(staff, action, &item.department, std::slice::from_ref(&code.to_owned()))
    }

    /// An item whose guide one may see: drafts are for those who keep the knowledge base of its department.
    fn seen_item(&self, staff: &Staff, catalogue: &Catalogue, code: &str) -> Result<Item, WireError> {
        let units = self.seen_units(staff).map_err(|_| none())?;
        let item =
            catalogue.item(code).filter(|item| units.as_ref().is_none_or(|seen| seen.contains(&item.department)));
        item.cloned().ok_or_else(none)
    }

    fn guide_line(&self, catalogue: &Catalogue, code: &str, item: &Item, row: Option<&GuideRow>) -> GuideLine {
        let now = self.clock.now();
        // Of an item that has none the page shows an empty draft.
        let head = row.map_or_else(
            || Head { version: 0, last: 0, ..Head::new(code.to_owned(), String::new()) },
            |row| row.head.clone(),
        );
        let unit = catalogue.directory().unit(&item.department);
        let in_force = head.in_force(now);
        GuideLine {
            item: code.to_owned(),
            item_name: item.name.clone(),
            unit_name: unit.map_or_else(|| item.department.clone(), |unit| unit.name.clone()),
            version: head.version,
            state: head.state(now),
            open: head.open.map(|(_, state)| state).filter(|_| row.is_some()),
            origin: row.map_or(Origin::Editor, |row| row.origin),
            in_force: in_force.map(|span| span.no),
            from: in_force.map(|span| span.from),
            changed_at: row.map_or(now, |row| row.changed_at),
        }
    }

    /// The guides of one's units, by item.
    pub(crate) async fn guide_list(&self, staff: &Staff) -> Result<GuideList, WireError> {
        let units = self.seen_units(staff)?;
        let catalogue = self.catalogue();
        let rows = self.store.guides().await.map_err(store_error)?;
        let line = |row: &GuideRow| {
            let item = catalogue.item(&row.head.id)?;
            let is_seen = units.as_ref().is_none_or(|seen| seen.contains(&item.department));
            is_seen.then(|| self.guide_line(&catalogue, &row.head.id, item, Some(row)))
        };
        Ok(GuideList { guides: rows.iter().filter_map(line).collect() })
    }

    /// An item's guide as a whole, also before there is one.
    pub(crate) async fn guide_view(&self, staff: &Staff, code: &str) -> Result<GuideView, WireError> {
        let catalogue = self.catalogue();
        let item = self.seen_item(staff, &catalogue, code)?;
        let row = self.store.guide(code).await.map_err(store_error)?;
        let revisions = self.store.guide_revisions(code).await.map_err(store_error)?;
        let open = row.as_ref().and_then(|row| row.head.open);
        let own_work = open.and_then(|(no, _)| revisions.iter().find(|one| one.no == no));
        let name = |agent| self.accounts.name(agent).unwrap_or_default();
        let view = |row: GuideRevision| GuideRevisionView {
            no: row.no,
            state: row.state,
            content: row.content,
            authors: row.authors.into_iter().map(name).collect(),
            reviewer_name: row.reviewer.map(name),
            reason: row.reason,
            saved_at: row.saved_at,
            decided_at: row.decided_at,
        };
        let option = |code: &str, name: &str| GuideOption { code: code.to_owned(), label: name.to_owned() };
        let districts = catalogue.directory().units().filter(|(_, unit)| unit.kind == UnitKind::District);
        Ok(GuideView {
            line: self.guide_line(&catalogue, code, &item, row.as_ref()),
            own_work: own_work.is_some_and(|open| open.authors.contains(&staff.id)),
            situations: item.situations.iter().map(|one| option(&one.code, &one.name)).collect(),
            districts: districts.map(|(code, unit)| option(code, &unit.name)).collect(),
            may_edit: self.may_keep_guide(staff, Action::EditKnowledge, code, &item),
            may_review: self.may_keep_guide(staff, Action::ReviewKnowledge, code, &item),
            revisions: revisions.into_iter().map(view).collect(),
        })
    }

    /// Writes in the open draft, or begins the next revision, or the guide.
    pub(crate) async fn save_guide(
        &self,
        who: &Keeper<'_>,
        code: &str,
        put: GuideDraft,
    ) -> Result<GuideView, WireError> {
        let item = self.seen_item(who.staff, &self.catalogue(), code)?;
        self.write_guide(who, code, &item, put.version, put.content, "guide.save").await?;
        self.guide_view(who.staff, code).await
    }

    async fn write_guide(
        &self,
        who: &Keeper<'_>,
        code: &str,
        item: &Item,
        version: u64,
        content: Guide,
        action: &'static str,
    ) -> Result<(), WireError> {
        if !self.may_keep_guide(who.staff, Action::EditKnowledge, code, item) {
            return Err(forbidden());
        }
        content.check_fields().map_err(unfit)?;
        content.check_item(item, self.catalogue().directory()).map_err(unfit)?;
        let (now, me) = (self.clock.now(), who.staff.id);
        let row = self.store.guide(code).await.map_err(store_error)?;
        if row.as_ref().map_or(0, |row| row.head.version) != version {
            return Err(outdated());
        }
        let (row, no) = match row {
            None => {
                let head = Head::new(code.to_owned(), String::new());
                (GuideRow { head, origin: Origin::Editor, created_at: now, changed_at: now }, 1)
            }
            Some(row) => {
                let (head, after) = row.head.step(Step::Save, me, &[], now).map_err(refused)?;
                let (no, _) = after.ok_or_else(outdated)?;
                (GuideRow { head, changed_at: now, ..row }, no)
            }
        };
        let before = self.store.guide_revision(code, no).await.map_err(store_error)?;
        let mut revision = before.unwrap_or_else(|| GuideRevision {
            item: code.to_owned(),
            no,
            state: RevisionState::Draft,
            content: content.clone(),
            authors: Vec::new(),
            reviewer: None,
            reason: None,
            made_at: now,
            saved_at: now,
            submitted_at: None,
            decided_at: None,
        });
        (revision.content, revision.saved_at) = (content, now);
        if !revision.authors.contains(&me) {
            revision.authors.push(me);
        }
        self.put_guide(who, item, row, Some(revision), action, None).await
    }

    /// Takes a step.
    pub(crate) async fn guide_step_of(
        &self,
        who: &Keeper<'_>,
        code: &str,
        order: GuideStepOrder,
    ) -> Result<GuideView, WireError> {
        let catalogue = self.catalogue();
        let item = self.seen_item(who.staff, &catalogue, code)?;
        let row = self.store.guide(code).await.map_err(store_error)?.ok_or_else(none)?;
        if row.head.version != order.version {
            return Err(outdated());
        }
        if order.step == EntryStep::Restore {
            let no = order.revision.ok_or_else(|| WireError::field("revision", "is missing"))?;
            let old = self.store.guide_revision(code, no).await.map_err(store_error)?;
            let old = old.ok_or_else(|| WireError::field("revision", "is no revision of it"))?;
            self.write_guide(who, code, &item, order.version, old.content, "guide.restore").await?;
            return self.guide_view(who.staff, code).await;
        }
        let now = self.clock.now();
        let (step, action, name) = match order.step {
            EntryStep::Submit => (Step::Submit, Action::EditKnowledge, "guide.submit"),
            EntryStep::TakeBack => (Step::TakeBack, Action::EditKnowledge, "guide.take_back"),
            EntryStep::Discard => (Step::Discard, Action::EditKnowledge, "guide.discard"),
            EntryStep::Reject => (Step::Reject, Action::ReviewKnowledge, "guide.reject"),
            EntryStep::Publish => (Step::Publish { from: None, to: None }, Action::ReviewKnowledge, "guide.publish"),
            EntryStep::Retire | EntryStep::Restore => (Step::Retire(now), Action::ReviewKnowledge, "guide.retire"),
        };
        if !self.may_keep_guide(who.staff, action, code, &item) {
            return Err(forbidden());
        }
        let open = match row.head.open {
            Some((no, _)) => self.store.guide_revision(code, no).await.map_err(store_error)?,
            None => None,
        };
        let authors = open.as_ref().map(|open| open.authors.clone()).unwrap_or_default();
        let reason = match order.step {
            EntryStep::Reject | EntryStep::Retire => Some(why(order.reason.as_deref())?),
            _ => None,
        };
        let (head, after) = row.head.step(step, who.staff.id, &authors, now).map_err(refused)?;
        let revision = after.and_then(|(_, state)| Some(GuideRevision { state, ..open? })).map(|mut revision| {
            match order.step {
                EntryStep::Submit => revision.submitted_at = Some(now),
                EntryStep::Reject | EntryStep::Publish => {
                    (revision.reviewer, revision.decided_at) = (Some(who.staff.id), Some(now));
                    revision.reason.clone_from(&reason);
                }
                EntryStep::TakeBack | EntryStep::Discard | EntryStep::Retire | EntryStep::Restore => {}
            }
            revision
        });
        if let (EntryStep::Submit | EntryStep::Publish, Some(revision)) = (order.step, &revision) {
            // The item or the districts may be others since it was written.
            check(&revision.content, &item, &catalogue)?;
        }
        self.put_guide(who, &item, GuideRow { head, changed_at: now, ..row }, revision, name, reason).await?;
        self.guide_view(who.staff, code).await
    }

    async fn put_guide(
        &self,
        who: &Keeper<'_>,
        item: &Item,
        guide: GuideRow,
        revision: Option<GuideRevision>,
        action: &'static str,
        reason: Option<String>,
    ) -> Result<(), WireError> {
        let no = revision.as_ref().map(|revision| revision.no);
        let line = Audit {
            at: self.clock.now(),
            actor: Author::Agent(who.staff.id),
            action,
            kind: "guide".to_owned(),
            subject: guide.head.id.clone(),
            unit: Some(item.department.clone()),
            reason,
            address: Some(who.address.to_owned()),
            detail: json(&serde_json::json!({ "version": guide.head.version, "revision": no })),
        };
        let change = GuideChange { guide: Box::new(guide), revision: revision.map(Box::new) };
        let changes = vec![Change::Guide(change), Change::Audit(line)];
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        self.organisation.renew_guides().await.map_err(store_error)?;
        // The desk, which greets, takes it over too.
        self.notices.changed();
        Ok(())
    }

    /// A walk through what somebody writes, as a citizen would see it.
    pub(crate) async fn try_guide(&self, staff: &Staff, code: &str, wanted: GuideTry) -> Result<GuideTried, WireError> {
        let catalogue = self.catalogue();
        let item = self.seen_item(staff, &catalogue, code)?;
        let GuideTry { content, answers, text, kind, district } = wanted;
        check(&content, &item, &catalogue)?;
        let mut walk = content.begin(&Facts { text: &text, kind, district: district.as_deref() });
        for (n, answer) in answers.iter().enumerate() {
            let next = match answer {
                Some(choice) => content.answer(&walk, choice),
                None => content.skip(&walk),
            };
            walk = next.map_err(|refusal| {
                let problem = match refusal {
                    Refusal::NoChoice => "is none of the choices",
                    Refusal::NotAsked | Refusal::AtBegin => "nothing is asked any more",
                };
                WireError::field(format!("answers[{n}]"), problem)
            })?;
        }
        let next = content.next(&mut walk);
        let given = given(&content, &walk);
        Ok(match next {
            Next::Ask { question, step, most } => GuideTried::Asked {
                given,
                text: question.text.clone(),
                help: question.help.clone(),
                choices: choices(question),
                step,
                most,
            },
            Next::Several(some) => GuideTried::Several { given, situations: situations(&some) },
            Next::Found(found) => {
                GuideTried::Checklist { given, checklist: Checklist::of(found, &self.points_of(code).await?) }
            }
        })
    }
}
