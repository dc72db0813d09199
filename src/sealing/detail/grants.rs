//! Stores the vendor's authorisations as grants.

use crate::{
    db::{DbError, Tx},
    flow::{people, search},
    id::{GrantId, SealUseId},
    provider::{Auth, Hidden, Status},
    seal_use::{Application, Grant, Person, SealUse, SealUseStatus, Want},
    user::User,
};

/// Maps the vendor's status to ours.
#[must_use]
pub fn status_of(status: &Status) -> SealUseStatus {
    match status {
        Status::Complete => SealUseStatus::Complete,
        other if other.terminal() => SealUseStatus::Finished,
        _ => SealUseStatus::Using,
    }
}

/// Stores the vendor's authorisations as grants, and makes the flow findable by them. Returns the ids of the grants by
/// the vendor's ids.
pub async fn save_grants(
    tx: &mut Tx,
    seal_use: &SealUse,
    application: &Application,
    auths: &[Auth],
) -> Result<Vec<(String, GrantId)>, DbError> {
    let mut open = asked_for(application);
    // First all that the requests name, so an authorisation without a request takes the request of no other one.
    let taken: Vec<Option<Asked<'_>>> = auths.iter().map(|auth| take(&mut open, auth)).collect();
    let mut ids = Vec::with_capacity(auths.len());
    for ((position, auth), taken) in (0_i64..).zip(auths).zip(taken) {
        let mut person = taken.and_then(|(_, person)| person).map(of_person);
        if person.is_none() {
            // Without a person in the application, the vendor says who it is.
            let user = User::with_number(&mut *tx, auth.number.as_deref(), auth.contact.as_deref()).await?;
            person = user.map(|user| (user.username, user.employee_no));
        }
        let username = person.as_ref().map(|(username, _)| username.as_str());
        let stands_for = taken.or_else(|| take_otherwise(&mut open, application, auth, username));
        let person = person.or_else(|| stands_for.and_then(|(_, person)| person).map(of_person));
        let mut grant = to_grant(&seal_use.id, position, auth, stands_for, only_want(application, auth));
        (grant.username, grant.employee_no) =
            person.map_or((None, None), |(username, number)| (Some(username), number));
        ids.push((auth.id.clone(), grant.upsert(tx).await?));
    }
    if application.category.is_some() {
        people::add_of_grants(tx, &seal_use.id).await?;
    }
    search::add_grants(tx, &seal_use.flow_id, &seal_use.id).await?;
    Ok(ids)
}

fn of_person(person: &Person) -> (String, Option<String>) {
    (person.username.clone(), person.number.clone())
}

/// `stands_for`: the request that the authorisation answers. `of_seal`: the only request for its seal.
fn to_grant(
    seal_use: &SealUseId,
    position: i64,
    auth: &Auth,
    stands_for: Option<Asked<'_>>,
    of_seal: Option<&Want>,
) -> Grant {
    let asked = stands_for.map(|(want, _)| want);
    let want = asked.or(of_seal);
    let known = want.and_then(|want| want.at_vendor.as_ref());
    let seal = auth.seal_name.clone().or_else(|| known.map(|seal| seal.name.clone()));
    let seal = seal.or_else(|| want.map(|want| want.seal.clone())).or_else(|| auth.device_no.clone());
    // What was added at the vendor was not applied for.
    let applied = asked.map_or(0, |want| i64::from(want.count));
    let used = i64::from(auth.used_count);
    Grant {
        id: GrantId::new(),
        seal_use_id: seal_use.clone(),
        vendor_id: auth.id.clone(),
        position,
        seal: seal.unwrap_or_else(|| "印章".to_owned()),
        device_no: auth.device_no.clone().or_else(|| known.and_then(|seal| seal.device_no.clone())),
        owner: auth.owner_name.clone().or_else(|| known.and_then(|seal| seal.owner.clone())),
        user_name: auth.user_name.clone().unwrap_or_default(),
        contact: auth.contact.clone(),
        number: auth.number.clone(),
        username: None,
        employee_no: None,
        applied,
        used,
        // The answer to an application has no count of uses left. Only a detail has it.
        left_count: auth.left_count.map_or((applied - used).max(0), i64::from),
        code: auth.code.clone().map(Hidden::into_inner),
        complete: auth.complete,
        appended: 0,
        appended_elsewhere: 0,
        append_logs: 0,
        window_start: asked.and_then(|want| want.start),
        window_end: asked.and_then(|want| want.end),
    }
}

/// A requested use: a seal, and the person of the request. `None`: the vendor's category names the persons.
type Asked<'a> = (&'a Want, Option<&'a Person>);

/// Returns the requested uses: one for each seal and person, in the order of the request.
fn asked_for(application: &Application) -> Vec<Asked<'_>> {
    let of_want = |want: &'_ Want| want.users.is_empty();
    let wants = application.wants.iter();
    wants
        .flat_map(|want| {
            let people: Vec<Option<&Person>> =
                if of_want(want) { vec![None] } else { want.users.iter().map(Some).collect() };
            people.into_iter().map(move |person| (want, person))
        })
        .collect()
}

/// Takes the first request that the vendor's authorisation matches, so it matches no other one later.
fn take<'a>(open: &mut Vec<Asked<'a>>, auth: &Auth) -> Option<Asked<'a>> {
    let answers = |(want, person): &(&Want, Option<&Person>)| {
        is_seal(want, auth) && person.is_none_or(|person| is_person(person, auth))
    };
    let at = open.iter().position(answers)?;
    Some(open.remove(at))
}

/// Takes the request that an authorisation answers although the vendor calls its person otherwise: the one of the user
/// `username`. If the person is no user, the only one for this seal. The request must be open. A request without persons
/// is for everybody whom the category names.
fn take_otherwise<'a>(
    open: &mut Vec<Asked<'a>>,
    application: &'a Application,
    auth: &Auth,
    username: Option<&str>,
) -> Option<Asked<'a>> {
    let only = only_want(application, auth);
    if let Some(want) = only.filter(|want| want.users.is_empty()) {
        return Some((want, None));
    }
    let answers = |(want, person): &Asked<'a>| match (username, person) {
        (Some(username), Some(person)) => is_seal(want, auth) && person.username == username,
        (None, Some(_)) => only.is_some_and(|only| only.users.len() == 1 && std::ptr::eq(*want, only)),
        (_, None) => false,
    };
    let at = open.iter().position(answers)?;
    Some(open.remove(at))
}

/// Matches by seal alone, if the seal was requested once. The vendor may identify persons in another way.
fn only_want<'a>(application: &'a Application, auth: &Auth) -> Option<&'a Want> {
    let mut wants = application.wants.iter().filter(|want| is_seal(want, auth));
    wants.next().filter(|_| wants.next().is_none())
}

fn is_seal(want: &Want, auth: &Auth) -> bool {
    if let (Some(device), Some(seal)) = (&auth.device_no, &want.at_vendor)
        && let Some(known) = &seal.device_no
    {
        return device == known;
    }
    let seal = Some(&want.seal);
    auth.seal_name.as_ref() == seal || auth.device_no.as_ref() == seal
}

fn is_person(person: &Person, auth: &Auth) -> bool {
    (person.number.is_some() && person.number == auth.number)
        || (person.mobile.is_some() && person.mobile == auth.contact)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal_use::SealAtVendor;

    fn want(device: &str, count: u32, numbers: &[&str]) -> Want {
        let person =
            |number: &&str| Person { username: (*number).into(), number: Some((*number).into()), ..Person::default() };
        let seal = SealAtVendor { name: "公章".into(), device_no: Some(device.into()), owner: None };
        Want {
            seal: "公章".into(),
            count,
            users: numbers.iter().map(person).collect(),
            start: None,
            end: None,
            at_vendor: Some(seal),
        }
    }

    fn applied(wants: Vec<Want>, auths: &[(&str, &str)]) -> Vec<i64> {
        let application = Application { wants, ..Application::default() };
        let mut open = asked_for(&application);
        let count = |(device, number): &(&str, &str)| {
            let auth = Auth {
                id: "1".into(),
                device_no: Some((*device).into()),
                number: Some((*number).into()),
                ..Auth::default()
            };
            // `user-…` is a user here; others are not.
            let user = number.strip_prefix("user-");
            let asked = take(&mut open, &auth).or_else(|| take_otherwise(&mut open, &application, &auth, user));
            to_grant(&SealUseId::new(), 0, &auth, asked, only_want(&application, &auth)).applied
        };
        auths.iter().map(count).collect()
    }

    #[test]
    fn every_row_has_its_own_count_even_for_the_same_seal_and_the_same_person() {
        let rows =
            vec![want("D1", 1, &["a"]), want("D1", 2, &["b"]), want("D1", 3, &["a"]), want("D2", 4, &["a", "b"])];
        let auths = [("D1", "b"), ("D1", "a"), ("D1", "a"), ("D2", "a"), ("D2", "b")];
        assert_eq!(applied(rows, &auths), [2, 1, 3, 4, 4]);
    }

    #[test]
    fn what_was_just_applied_for_is_all_left_until_a_detail_says_otherwise() {
        let want = want("D1", 5, &["a"]);
        let left = |auth: &Auth| to_grant(&SealUseId::new(), 0, auth, Some((&want, None)), None).left_count;
        assert_eq!(left(&Auth::default()), 5);
        assert_eq!(left(&Auth { left_count: Some(0), used_count: 5, ..Auth::default() }), 0);
    }

    #[test]
    fn a_person_whom_the_vendor_calls_otherwise_is_told_by_the_seal() {
        assert_eq!(applied(vec![want("D1", 5, &["a"]), want("D2", 6, &["a"])], &[("D2", "x"), ("D9", "a")]), [6, 0]);
        assert_eq!(applied(vec![want("D1", 5, &[])], &[("D1", "whoever")]), [5], "by category nobody was named");
        let renumbered = [("D1", "user-b"), ("D1", "user-a")];
        assert_eq!(applied(vec![want("D1", 5, &["a", "b"])], &renumbered), [5, 5], "they have other numbers now");
    }

    #[test]
    fn what_was_added_at_the_vendor_answers_no_request() {
        let one = || vec![want("D1", 5, &["a"])];
        assert_eq!(applied(one(), &[("D1", "a"), ("D1", "x")]), [5, 0], "its request is answered");
        assert_eq!(applied(one(), &[("D1", "user-b"), ("D1", "a")]), [0, 5], "another user");
    }
}
