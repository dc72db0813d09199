//! Addresses of bundles for download managers without a session. A link has the rights of its maker at each request.

use std::time::Duration;

use super::record::{self, Bundle};
use crate::{
    app::App,
    audit::{self, Act, NewEntry},
    clock::Timestamp,
    db::DbError,
    id::BundleId,
    user::{
        User,
        login::{LoginError, random_secret, secret_hash},
    },
};

/// How long a link can be used.
const KEEP: Duration = Duration::from_hours(24);

/// Makes a link of `user` to a bundle. Returns its key, which is shown once, and its end.
pub async fn make(app: &App, bundle: &Bundle, user: &User) -> Result<(String, Timestamp), LoginError> {
    let (key, now) = (random_secret()?, app.clock.now());
    let until = now.plus(KEEP);
    let until = bundle.expires_at.map_or(until, |end| end.min(until));
    let mut tx = app.db.begin().await?;
    record::keep_link(&mut tx, &secret_hash(&key), &bundle.id, user, until).await?;
    let entry = NewEntry::new(&user.username, Act::BundleLinked, bundle.id.as_str());
    audit::commit(tx, entry.of_flow_if(bundle.flow_id.as_ref()), now).await?;
    Ok((key, until))
}

/// Returns the maker of a link. `None`: the link is unknown or has ended, or the user is disabled.
pub async fn maker(app: &App, bundle: &BundleId, key: &str) -> Result<Option<User>, DbError> {
    let found = record::maker_of_link(&app.db, &secret_hash(key), bundle, app.clock.now()).await?;
    let Some(id) = found else { return Ok(None) };
    Ok(User::find(&app.db, &id).await?.filter(|user| !user.disabled))
}
