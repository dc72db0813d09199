//! Saves a definition: its first or a further version.

use super::{Body, Definition, FieldError, check, check_people, starters};
use crate::{
    audit::Act,
    db::{DbError, Tx},
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
    let mut errors = check(&body);
    let users = Directory::load(&mut tx).await?;
    errors.extend(check_people(&body, &users));
    errors.extend(starters::check(&body, &users));
    errors.extend(check_service(&mut tx, &body).await?);
    if !errors.is_empty() {
        return Err(DefinitionError::Invalid(errors));
    }
    let version = Definition::save(&mut tx, &id, &body, &acting.user.username, acting.now).await?;
    let detail = format!("version {version}");
    acting.commit(tx, acting.entry(Act::DefinitionSaved, id.as_str()).detail(&detail)).await?;
    let mut saved = Definition { id, version, created_at: acting.now, body };
    saved.show_folders(acting.db).await?;
    Ok(saved)
}

async fn check_service(tx: &mut Tx, body: &Body) -> Result<Option<FieldError>, DbError> {
    let Some(integration) = &body.integration else { return Ok(None) };
    let error = match Service::find(tx, &integration.service_id).await? {
        None => "there is no such service; bind the service first",
        Some(service) if service.is_public_cloud() => NO_PUBLIC_CLOUD,
        Some(_) => return Ok(None),
    };
    Ok(Some(FieldError::new("integration.serviceId", error)))
}
