//! Builds the application to the vendor from a form, as the integration configuration says.

use std::collections::HashSet;

use jiff::civil::{Time, time};
use serde_json::Value;

use super::form::{self, Form};
use crate::{
    clock::Timestamp,
    definition::{FieldError, Integration, moment},
    seal_use::{Application, Person, Want},
    user::{Directory, User},
};

/// Why a form gives no application.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    #[error("the form cannot become a seal application: {}", listed(.0))]
    Invalid(Vec<FieldError>),
    #[error("no applicant, starter or seal user has an employee number or a mobile phone; add one to a user")]
    ContactMissing,
}

fn listed(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect::<Vec<_>>().join("; ")
}

/// Returns the application that the form describes.
pub fn application(
    integration: &Integration,
    form: &Form,
    starter: &User,
    users: &Directory,
) -> Result<Application, ApplicationError> {
    let mut errors = Vec::new();
    let wants = wants(integration, form, users, &mut errors);
    if wants.is_empty() && errors.is_empty() {
        errors.push(FieldError::new(format!("form.{}", integration.seal_field), "names no seal; name at least one"));
    }
    let text = |key: &str| form.get(key).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let named = integration.category_field.as_deref().map(text);
    let (category, category_beside) =
        if integration.by_category { (named, None) } else { (None, named.filter(|name| !name.is_empty())) };
    if let (Some(""), Some(key)) = (category.as_deref(), &integration.category_field) {
        errors.push(FieldError::new(
            format!("form.{key}"),
            "is empty; name the vendor's category, which decides the seal users",
        ));
    }
    if !errors.is_empty() {
        return Err(ApplicationError::Invalid(without_repeats(errors)));
    }
    let named = integration.applicant_field.as_deref().and_then(|key| form.get(key)).map(names).unwrap_or_default();
    let applicant = named
        .first()
        .and_then(|name| users.get(name))
        .into_iter()
        .chain([starter])
        .map(person)
        .chain(wants.iter().flat_map(|want| want.users.iter().cloned()))
        .find(|person| person.number.is_some() || person.mobile.is_some())
        .ok_or(ApplicationError::ContactMissing)?;
    Ok(Application {
        tenant_name: text(&integration.organisation_field),
        subject: text(&integration.subject_field),
        description: integration.description_field.as_deref().map(text).filter(|text| !text.is_empty()),
        applicant,
        category,
        category_beside,
        wants,
    })
}

/// Removes repeated errors: each row of a table reports the same error of the main form.
fn without_repeats(errors: Vec<FieldError>) -> Vec<FieldError> {
    let mut seen = HashSet::new();
    errors.into_iter().filter(|error| seen.insert(error.clone())).collect()
}

/// Most grants of one application: each seal of each row for each of its people.
const MOST_GRANTS: usize = 500;

/// One row of the table of seals, or the main form.
struct Row<'a> {
    /// Path of the row in the form, for messages.
    path: String,
    values: &'a Form,
    form: &'a Form,
}

impl<'a> Row<'a> {
    /// Returns the value of a field. A field outside the table has the same value for every row.
    fn value(&self, key: &str) -> Option<&'a Value> {
        match key.split_once('.') {
            Some((_, column)) => self.values.get(column),
            None => self.form.get(key),
        }
    }

    fn text(&self, key: Option<&String>) -> Option<&'a str> {
        key.and_then(|key| self.value(key)).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }

    fn error(&self, key: &str, message: impl Into<String>) -> FieldError {
        let place =
            key.split_once('.').map_or_else(|| format!("form.{key}"), |(_, column)| format!("{}.{column}", self.path));
        FieldError::new(place, message)
    }
}

fn rows<'a>(integration: &Integration, form: &'a Form) -> Vec<Row<'a>> {
    let Some((table, _)) = integration.seal_field.split_once('.') else {
        return vec![Row { path: "form".to_owned(), values: form, form }];
    };
    let rows = form.get(table).and_then(Value::as_array).into_iter().flatten();
    let whole = rows.enumerate().filter_map(|(i, row)| Some((i, row.as_object()?)));
    whole.map(|(i, row)| Row { path: format!("form.{table}[{i}]"), values: row, form }).collect()
}

/// Returns the wanted uses: one or more seals for each row of the table, or for the main form.
fn wants(integration: &Integration, form: &Form, users: &Directory, errors: &mut Vec<FieldError>) -> Vec<Want> {
    let (mut wants, mut grants) = (Vec::new(), 0);
    for row in rows(integration, form) {
        if errors.len() >= form::MOST_ERRORS {
            break;
        }
        let found = errors.len();
        let seals = row.value(&integration.seal_field).map(names).unwrap_or_default();
        if seals.is_empty() {
            errors.push(row.error(&integration.seal_field, "names no seal; name at least one"));
        }
        let count =
            row.value(&integration.count_field).and_then(whole_number).filter(|count| (1..=100_000).contains(count));
        if count.is_none() {
            errors.push(row.error(&integration.count_field, "must be a whole number from 1 to 100000"));
        }
        let people = if integration.by_category { Vec::new() } else { people(integration, &row, users, errors) };
        let (start, end) = time_of_use(integration, &row, errors);
        grants += seals.len() * people.len().max(1);
        if grants > MOST_GRANTS {
            let message = format!("the form asks for more than {MOST_GRANTS} grants; start several flows");
            errors.push(row.error(&integration.seal_field, message));
            break;
        }
        if let (Some(count), true) = (count, errors.len() == found) {
            let want = |seal: &&str| Want {
                seal: (*seal).trim().to_owned(),
                count,
                users: people.clone(),
                start,
                end,
                at_vendor: None,
            };
            wants.extend(seals.iter().map(want));
        }
    }
    wants
}

/// Reads a whole number. A spreadsheet sends 3 as `3.0`.
fn whole_number(value: &Value) -> Option<u32> {
    let number =
        value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number))?;
    format!("{number:.0}").parse().ok()
}

fn people(integration: &Integration, row: &Row<'_>, users: &Directory, errors: &mut Vec<FieldError>) -> Vec<Person> {
    let Some(key) = &integration.user_field else {
        return Vec::new();
    };
    let mut named = row.value(key).map(names).unwrap_or_default();
    // A person who is named twice in a row has one grant.
    let mut seen = HashSet::new();
    named.retain(|name| seen.insert(*name));
    if named.len() > form::MOST_PEOPLE {
        errors.push(row.error(key, form::too_many_people()));
        return Vec::new();
    }
    for gone in named.iter().filter(|name| users.get(name).is_none()) {
        errors.push(row.error(key, format!("{gone} is disabled or does not exist; name another user")));
    }
    let people: Vec<Person> = named.iter().filter_map(|name| users.get(name)).map(person).collect();
    if named.is_empty() {
        errors.push(row.error(key, "names no seal user; name at least one"));
    }
    for unreachable in people.iter().filter(|person| person.number.is_none() && person.mobile.is_none()) {
        let message =
            format!("{} has no employee number and no mobile phone; add one to the user", unreachable.username);
        errors.push(row.error(key, message));
    }
    people
}

/// Returns the time of use in the time zone of China. A date without a time means the whole day.
fn time_of_use(
    integration: &Integration,
    row: &Row<'_>,
    errors: &mut Vec<FieldError>,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let i = integration;
    let start = parse_moment(row, i.start_date_field.as_ref(), i.start_time_field.as_ref(), Time::midnight(), errors);
    let end = parse_moment(row, i.end_date_field.as_ref(), i.end_time_field.as_ref(), time(23, 59, 59, 0), errors);
    if let (Some(start), Some(end), Some(key)) = (start, end, &i.end_date_field)
        && end <= start
    {
        errors.push(row.error(key, "the time of use must end after it begins"));
    }
    (start, end)
}

/// Returns the times of use that are over at `now`, each at its place.
#[must_use]
pub fn times_over(integration: &Integration, form: &Form, now: Timestamp) -> Vec<FieldError> {
    let Some(key) = &integration.end_date_field else { return Vec::new() };
    let over = rows(integration, form).into_iter().filter_map(|row| {
        let (_, end) = time_of_use(integration, &row, &mut Vec::new());
        end.filter(|end| *end <= now).map(|_| row.error(key, "is over; choose a later time"))
    });
    without_repeats(over.collect())
}

fn parse_moment(
    row: &Row<'_>,
    date_field: Option<&String>,
    time_field: Option<&String>,
    default_time: Time,
    errors: &mut Vec<FieldError>,
) -> Option<Timestamp> {
    let given = row.text(date_field);
    if let Some(whole) = given.and_then(moment::datetime) {
        return Timestamp::from_china(whole);
    }
    let date = given.and_then(moment::date);
    let time = row.text(time_field).and_then(moment::time);
    if let (None, Some(_), Some(key)) = (date, time, time_field) {
        errors.push(row.error(key, "a time needs a date; fill in the date"));
    }
    Timestamp::from_china(date?.to_datetime(time.unwrap_or(default_time)))
}

/// Reads one name or a list of names.
fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::String(name) if !name.trim().is_empty() => vec![name],
        Value::Array(list) => list.iter().filter_map(Value::as_str).filter(|name| !name.trim().is_empty()).collect(),
        _ => Vec::new(),
    }
}

fn person(user: &User) -> Person {
    Person {
        username: user.username.clone(),
        name: user.display_name.clone(),
        number: user.employee_no.clone(),
        mobile: user.mobile.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn integration(more: &Value) -> Integration {
        let mut whole = json!({
            "enabled": true, "serviceId": "0199d2d0-0000-7000-8000-000000000000", "subjectField": "subject",
            "organisationField": "company", "sealField": "rows.seal", "userField": "rows.users",
            "countField": "rows.count", "applyNode": "manager" });
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    fn starter() -> User {
        User {
            id: crate::id::UserId::new(),
            username: "zhang".into(),
            display_name: "张三".into(),
            roles: crate::user::Roles::default(),
            employee_no: Some("E001".into()),
            mobile: None,
            manager: None,
            disabled: false,
            must_change: false,
            totp: false,
            created_at: Timestamp(0),
        }
    }

    fn read(more: &Value, form: &Value) -> Result<Application, ApplicationError> {
        application(&integration(more), form.as_object().unwrap(), &starter(), &Directory::default())
    }

    fn by_category() -> Value {
        json!({ "byCategory": true, "categoryField": "category", "startDateField": "from", "endDateField": "rows.to",
                "endTimeField": "rows.until" })
    }

    #[test]
    fn days_are_chinese_and_whole_unless_a_time_is_given() {
        let rows = json!([{ "seal": " 公章 ", "count": 2.0, "to": "2026-11-24" },
                          { "seal": ["合同专用章", "财务专用章"], "count": 1, "to": "2026-11-24", "until": "12:30" }]);
        let form =
            json!({ "subject": "合同", "company": "印库", "category": "物理用印", "from": "2026-11-23", "rows": rows });
        let application = read(&by_category(), &form).unwrap();
        let wants: Vec<_> = application
            .wants
            .iter()
            .map(|want| (want.seal.as_str(), want.start.unwrap().to_string(), want.end.unwrap().to_string()))
            .collect();
        let from = "2026-11-23T00:00:00+08:00".to_owned();
        let until = |time: &str| format!("2026-11-24T{time}+08:00");
        assert_eq!(wants[0], ("公章", from.clone(), until("23:59:59")));
        assert_eq!(wants[1], ("合同专用章", from.clone(), until("12:30:00")));
        assert_eq!(wants[2], ("财务专用章", from, until("12:30:00")));
        assert_eq!(
            (application.category.as_deref(), application.applicant.username.as_str()),
            (Some("物理用印"), "zhang")
        );
        assert!(application.wants.iter().all(|want| want.users.is_empty()), "the category says who stamps");
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_its_place() {
        let rows =
            json!([{ "seal": "", "count": 1.5, "to": "2026-11-22" }, { "seal": "公章", "count": 1, "until": "12:30" }]);
        let form = json!({ "from": "2026-11-23", "rows": rows });
        let Err(ApplicationError::Invalid(errors)) = read(&by_category(), &form) else { panic!("it is wrong") };
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        let expected =
            ["form.rows[0].seal", "form.rows[0].count", "form.rows[0].to", "form.rows[1].until", "form.category"];
        assert_eq!(fields, expected);
    }

    #[test]
    fn without_a_category_somebody_must_stamp() {
        let form = json!({ "rows": [{ "seal": "公章", "count": 1, "users": ["nobody"] }] });
        let Err(ApplicationError::Invalid(errors)) = read(&json!({}), &form) else { panic!("nobody stamps") };
        assert_eq!(errors[0].field, "form.rows[0].users");
    }
}
