//! Saves a definition: its first or a further version.

use super::{Body, Definition, FieldError, check, check_people, starters};
use crate::{
    audit::Act,
    db::{Db, DbError, On},
    id::DefinitionId,
    service::{NO_PUBLIC_CLOUD, Service},
    user::{Acting, Directory},
};

/// Why a definition is not saved.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    #[error("the definition has errors; correct the members in `errors`")]
    Invalid(Vec<FieldError>),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Checks the body and saves it as the next version of the definition `id`. Running flows keep their version.
pub async fn save(acting: Acting<'_>, id: DefinitionId, body: Body) -> Result<Definition, DefinitionError> {
    let mut tx = acting.db.begin().await?;
    let users = Directory::load(&mut tx).await?;
    let errors = errors(&body, &users, service(&mut tx, &body).await?.as_ref());
    if !errors.is_empty() {
        return Err(DefinitionError::Invalid(errors));
    }
    let version = Definition::save(&mut tx, &id, &body, &acting.user.username, acting.now).await?;
    let detail = format!("version {version}");
    acting.commit(tx, acting.entry(Act::DefinitionSaved, id.as_str()).detail(&detail)).await?;
    let mut saved = Definition { id, version, created_at: acting.now, body };
    saved.show_folders(acting.db, acting.user).await?;
    Ok(saved)
}

/// Checks the body as [`save`] does, and saves nothing.
pub async fn check_only(db: &Db, body: &Body) -> Result<Vec<FieldError>, DbError> {
    let users = Directory::load(db).await?;
    Ok(errors(body, &users, service(db, body).await?.as_ref()))
}

fn errors(body: &Body, users: &Directory, service: Option<&Service>) -> Vec<FieldError> {
    let mut errors = check(body);
    errors.extend(check_people(body, users));
    errors.extend(starters::check(body, users));
    errors.extend(check_service(body, service));
    errors
}

async fn service(on: impl Into<On<'_>>, body: &Body) -> Result<Option<Service>, DbError> {
    match &body.integration {
        Some(integration) => Service::find(on, &integration.service_id).await,
        None => Ok(None),
    }
}

fn check_service(body: &Body, service: Option<&Service>) -> Option<FieldError> {
    body.integration.as_ref()?;
    let error = match service {
        None => "there is no such service; bind the service first",
        Some(service) if service.is_public_cloud() => NO_PUBLIC_CLOUD,
        Some(_) => return None,
    };
    Some(FieldError::new("integration.serviceId", error))
}
