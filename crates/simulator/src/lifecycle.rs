//! What happens to a business: stamping, ending, appending, photos that come late. Pure: changes the state and says what to tell.

mod photos;

use super::{
    clock::Timestamp,
    knobs::{FinishCallback, Knobs},
    photo::Kind,
    state::{AppendLog, Auth, Business, Notice, Status, World},
};

/// Why something cannot happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotHappen {
    #[error("no business {0}")]
    NoBusiness(String),
    #[error("the business has no auth number {0}")]
    NoAuth(usize),
    #[error("no photo {0}")]
    NoPhoto(String),
    #[error("the business has ended")]
    Ended,
    #[error("now is outside the time in which the seal may be used")]
    OutsideWindow,
}

/// What one stamping leaves behind. The default is one photo of the page, counted.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Stamp {
    /// Photos of the page.
    pub signatory: u32,
    pub face: u32,
    pub emergency: u32,
    /// Whether the device counts it.
    pub counted: bool,
    /// The photokey whose bytes the new photos repeat.
    pub same_as: Option<String>,
}

impl Default for Stamp {
    fn default() -> Self {
        Self { signatory: 1, face: 0, emergency: 0, counted: true, same_as: None }
    }
}

type Outcome<T> = Result<(T, Vec<Notice>), CannotHappen>;

/// The state with the knobs and the time at which something happens.
pub(super) struct Scene<'a> {
    pub(super) world: &'a mut World,
    pub(super) knobs: &'a Knobs,
    pub(super) now: Timestamp,
}

impl Scene<'_> {
    fn business(&mut self, id: &str) -> Result<&mut Business, CannotHappen> {
        self.world.business_mut(id).ok_or_else(|| CannotHappen::NoBusiness(id.to_owned()))
    }

    fn auth(&mut self, id: &str, index: usize) -> Result<&mut Auth, CannotHappen> {
        self.business(id)?.auths.get_mut(index).ok_or(CannotHappen::NoAuth(index))
    }

    /// The box stamps once; gives the keys of the photos it made.
    pub(super) fn stamp(&mut self, id: &str, index: usize, stamp: &Stamp) -> Outcome<Vec<String>> {
        let now = self.now;
        if self.business(id)?.status != Status::Using {
            return Err(CannotHappen::Ended);
        }
        let auth = self.auth(id, index)?;
        if auth.start_time.is_some_and(|from| now < from) || auth.end_time.is_some_and(|to| now > to) {
            return Err(CannotHappen::OutsideWindow);
        }
        if stamp.counted {
            auth.used += 1;
            auth.left = auth.left.saturating_sub(1);
        }
        let (auth_id, left) = (auth.id.clone(), auth.left);
        let mut keys = Vec::new();
        let mut notices = Vec::new();
        for (kind, count) in
            [(Kind::Face, stamp.face), (Kind::Signatory, stamp.signatory), (Kind::Emergency, stamp.emergency)]
        {
            let made = self.photos(id, &auth_id, kind, count, stamp.same_as.as_deref())?;
            if !made.is_empty() {
                notices.push(Notice::Pushed {
                    business: id.to_owned(),
                    auth: auth_id.clone(),
                    kind,
                    photokeys: made.clone(),
                });
            }
            keys.extend(made);
        }
        if stamp.counted {
            notices.push(Notice::Remaining { business: id.to_owned(), auth: auth_id, left });
            notices.extend(self.used_up(id, index)?);
        }
        Ok((keys, notices))
    }

    /// Ends the auth, and with the last auth the business, when nothing is left.
    fn used_up(&mut self, id: &str, index: usize) -> Result<Vec<Notice>, CannotHappen> {
        if self.knobs.no_auto_complete {
            return Ok(Vec::new());
        }
        let now = self.now;
        let auth = self.auth(id, index)?;
        if auth.left == 0 {
            end_auth(auth, now);
        }
        let business = self.business(id)?;
        if business.auths.iter().all(|a| a.complete) { Ok(ended(business, Status::Complete)) } else { Ok(Vec::new()) }
    }

    /// The person ends use at the box. Nothing is told when it had ended already.
    pub(super) fn complete(&mut self, id: &str) -> Outcome<()> {
        let now = self.now;
        let business = self.business(id)?;
        if business.status != Status::Using {
            return Ok(((), Vec::new()));
        }
        business.auths.iter_mut().for_each(|auth| end_auth(auth, now));
        Ok(((), ended(business, Status::Complete)))
    }

    /// The platform ends all seals, or the one of `device`.
    pub(super) fn finish(&mut self, id: &str, reason: &str, device: Option<&str>) -> Outcome<()> {
        let (now, told) = (self.now, self.knobs.callback.finish_callback);
        let business = self.business(id)?;
        if business.status != Status::Using {
            return Err(CannotHappen::Ended);
        }
        let mut found = false;
        for auth in business.auths.iter_mut().filter(|a| device.is_none_or(|d| d == a.device_no)) {
            end_auth(auth, now);
            found = true;
        }
        if !found {
            return Err(CannotHappen::NoAuth(0));
        }
        business.finish_reason = Some(reason.to_owned());
        if business.auths.iter().any(|a| !a.complete) {
            return Ok(((), Vec::new()));
        }
        let mut notices = ended(business, Status::Finished);
        match told {
            FinishCallback::Off => notices.clear(),
            FinishCallback::Finished => {}
            FinishCallback::Complete => {
                notices = vec![Notice::Ended { business: id.to_owned(), status: Status::Complete }];
            }
        }
        Ok(((), notices))
    }

    /// More uses for every auth, or the ones of `device`; an ended business is used again.
    pub(super) fn append(&mut self, id: &str, count: u32, device: Option<&str>, by: &AppendLog) -> Outcome<()> {
        let business = self.business(id)?;
        let mut found = false;
        for auth in business.auths.iter_mut().filter(|a| device.is_none_or(|d| d == a.device_no)) {
            auth.left += count;
            auth.complete = false;
            auth.complete_time = None;
            found = true;
        }
        if !found {
            return Err(CannotHappen::NoAuth(0));
        }
        business.status = Status::Using;
        business.append_logs.push(by.clone());
        Ok(((), Vec::new()))
    }

    /// One more person may use the seal of the auth `index`.
    pub(super) fn add_auth(&mut self, id: &str, index: usize, number: &str, count: u32) -> Result<(), CannotHappen> {
        let like = self.auth(id, index)?.clone();
        let auth = Auth {
            id: self.world.next_id(),
            user_id: self.world.next_id(),
            user_name: super::catalog::person(number).to_owned(),
            contact: String::new(),
            number: number.to_owned(),
            vertify_code: format!("{:06}", self.world.chance().below(1_000_000)),
            left: count,
            used: 0,
            complete: false,
            complete_time: None,
            ..like
        };
        self.business(id)?.auths.push(auth);
        Ok(())
    }

    /// Ends what may not be used any longer.
    pub(super) fn expire(&mut self) -> Vec<Notice> {
        let now = self.now;
        let mut notices = Vec::new();
        for business in self.world.businesses.iter_mut().filter(|b| b.status == Status::Using) {
            let past = |auth: &Auth| !auth.complete && auth.end_time.is_some_and(|to| now > to);
            if !business.auths.iter().any(past) {
                continue;
            }
            business.auths.iter_mut().filter(|a| past(a)).for_each(|auth| end_auth(auth, now));
            if business.auths.iter().all(|a| a.complete) {
                notices.extend(ended(business, Status::Complete));
            }
        }
        notices
    }

    /// Lets the photos and callbacks out that waited.
    pub(super) fn release(&mut self, id: &str) {
        let now = self.now;
        if let Some(business) = self.world.business_mut(id) {
            for photo in business.photos.iter_mut().filter(|p| p.visible_at.is_none()) {
                photo.visible_at = Some(now);
            }
        }
        for pending in self.world.pending.iter_mut().filter(|p| p.held && p.notice.business() == id) {
            pending.held = false;
            pending.next_at = now;
        }
    }
}

fn end_auth(auth: &mut Auth, now: Timestamp) {
    if !auth.complete {
        auth.complete = true;
        auth.complete_time = Some(now);
    }
}

fn ended(business: &mut Business, status: Status) -> Vec<Notice> {
    business.status = status;
    vec![Notice::Ended { business: business.id.clone(), status }]
}
