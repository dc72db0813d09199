//! Links stored contents: originals, photos, documents and the form field, in one transaction per batch. This module
//! is the only writer of the documents of photos.

use std::collections::{HashMap, HashSet};

use sqlx::FromRow;

use super::{IngestError, pass::Pass};
use crate::{
    clock::Timestamp,
    db::{DbError, Tx, sql},
    flow::{Flow, LockedFlow, event::YINKU},
    hash::Blake3,
    id::{DocumentId, GrantId, PhotoId},
    killpoint,
    library::{
        document::{self, Document, DocumentSource, NewDocument, name},
        search_terms,
    },
    original::Original,
    photo::{Photo, Source, key, kind::PhotoKind, linked::Linked},
    picture::inspect::clock_doubt,
};
use crate::{
    content::store_original::StoredContent,
    seal_use::{delivery::Dispatch, ingest::Ingest},
};

/// A stored content, and the photo that it belongs to.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) content: StoredContent,
    pub(super) identity: Identity,
}

#[derive(Debug)]
pub(super) enum Identity {
    /// Fetched by the key of a known photo.
    Key(Box<Photo>),
    /// Without a key: occurrence number (from 1) of this content in its source. The source decides whether it counts.
    Keyless {
        kind: PhotoKind,
        grant: Option<GrantId>,
        source: Source,
        occurrence: i64,
        supplied: Option<Box<Dispatch>>,
    },
}

impl Arrival {
    /// Returns true if the vendor's detail lists the photo. Then it tells the kind.
    pub(super) fn is_listed(&self) -> bool {
        matches!(&self.identity, Identity::Key(photo) if photo.listed)
    }

    /// Returns the dispatch of a photo that a user supplied.
    fn supplied(&self) -> Option<&Dispatch> {
        match &self.identity {
            Identity::Keyless { supplied, .. } => supplied.as_deref(),
            Identity::Key(_) => None,
        }
    }

    fn position(&self) -> i64 {
        match &self.identity {
            Identity::Key(photo) => photo.position,
            Identity::Keyless { .. } => i64::MAX,
        }
    }
}

/// Links a batch in the vendor's order. If the database refuses one photo, the others are linked nevertheless.
pub(super) async fn link(pass: &Pass, mut batch: Vec<Arrival>) -> Result<(), IngestError> {
    batch.sort_by_key(Arrival::position);
    let mut known = Known::default();
    let error = match link_together(pass, &batch, &mut known).await {
        Err(IngestError::Db(error)) if batch.len() > 1 && error.as_database_error().is_some() => error,
        done => return done,
    };
    tracing::warn!(%error, photos = batch.len(), "cannot link the photos in one transaction; linking them one by one");
    let mut failure = None;
    for one in batch.chunks(1) {
        match link_together(pass, one, &mut known).await {
            Err(error @ IngestError::Fence(_)) => return Err(error),
            done => failure = failure.or(done.err()),
        }
    }
    failure.map_or(Ok(()), Err)
}

async fn link_together(pass: &Pass, batch: &[Arrival], known: &mut Known) -> Result<(), IngestError> {
    if batch.is_empty() {
        return Ok(());
    }
    let bytes = batch.iter().map(|arrival| arrival.content.original.bytes).sum();
    let mut tx = pass.lease.begin(pass.db()).await?;
    // Before the lock of the flow, in the same order as an upload.
    let new = Original::insert_all(&mut tx, batch.iter().map(|arrival| &arrival.content.original)).await?;
    let duplicates = duplicates(batch, new);
    // Photo numbers and names belong to the flow: code that assigns or changes them locks the flow before any photo.
    let flow = Flow::lock(&mut tx, &pass.flow.id).await?.ok_or(IngestError::NoSealUse)?;
    // Counted at the start of the batch: its own keyless photos come after those with keys.
    let any_keyless = Photo::any_keyless(&mut tx, pass.id()).await?;
    let mut names = Vec::with_capacity(batch.len());
    for arrival in batch {
        let photo = match &arrival.identity {
            Identity::Key(photo) => {
                let photo = known_row(&mut tx, photo).await?;
                if any_keyless { Some(keyed(&mut tx, pass, &photo, &arrival.content).await?) } else { Some(photo) }
            }
            Identity::Keyless { .. } => keyless(&mut tx, pass, arrival).await?,
        };
        if let Some(photo) = photo {
            names.extend(occur(&mut tx, pass, &flow, photo, &arrival.content, known).await?);
        }
        if let Some(supplied) = arrival.supplied() {
            // Together with its photo: a supplied photo never counts as stored and as arriving.
            Dispatch::mark_linked(&mut tx, &supplied.id, pass.id(), pass.app.clock.now()).await?;
        }
    }
    search_terms::add(&mut tx, &pass.flow.id, &names).await?;
    Ingest::add(&mut tx, pass.id(), duplicates, bytes).await?;
    tx.commit().await?;
    killpoint::reach("link_committed");
    pass.app.metrics.photos_duplicate.inc_by(u64::try_from(duplicates).unwrap_or(0));
    pass.notify_listeners("running").await;
    Ok(())
}

/// Returns the number of contents of a batch that were known before. `new` lists those that were not.
fn duplicates(batch: &[Arrival], mut new: HashSet<Blake3>) -> i64 {
    // The upload of a supplied photo wrote its original. That does not make the photo a duplicate.
    let known = |arrival: &&Arrival| !new.remove(&arrival.content.original.hash) && arrival.supplied().is_none();
    i64::try_from(batch.iter().filter(known).count()).unwrap_or(i64::MAX)
}

/// Values that are read once per batch.
#[derive(Default)]
struct Known {
    /// The seal of each grant.
    seals: HashMap<GrantId, String>,
    /// Photos that are linked or about to be linked.
    linked: HashSet<PhotoId>,
}

impl Known {
    async fn seal(&mut self, tx: &mut Tx, grant: Option<&GrantId>) -> Result<Option<String>, DbError> {
        let Some(grant) = grant else { return Ok(None) };
        if let Some(seal) = self.seals.get(grant) {
            return Ok(Some(seal.clone()));
        }
        let seal: String = sql("SELECT seal FROM grants WHERE id = $1").bind(grant).scalar(tx).await?;
        self.seals.insert(grant.clone(), seal.clone());
        Ok(Some(seal))
    }

    /// Returns the document of the photo with these bytes. `None` if the photo never had one.
    async fn document(&mut self, tx: &mut Tx, photo: &Photo, hash: &Blake3) -> Result<Option<DocumentId>, DbError> {
        if self.linked.insert(photo.id.clone()) && photo.original_hash.is_none() {
            return Ok(None);
        }
        let row: Option<(DocumentId,)> = sql("SELECT id FROM documents WHERE photo_id = $1 AND original_hash = $2")
            .bind(&photo.id)
            .bind(hash)
            .optional(tx)
            .await?;
        Ok(row.map(|row| row.0))
    }
}

/// Returns the row of a photo with a key. A key that only the zip names gets its row here, together with its content: a
/// row without content would wait for a fetch that is never made.
async fn known_row(tx: &mut Tx, photo: &Photo) -> Result<Photo, DbError> {
    let key = photo.photokey.as_deref().unwrap_or_default();
    if photo.source != Source::Zip || photo.listed {
        return Ok(photo.clone());
    }
    photo.insert(tx).await?;
    let mut row = Photo::with_key(&mut *tx, &photo.seal_use_id, key).await?.ok_or(DbError::RowNotFound)?;
    // An earlier zip did not tell the kind.
    if row.kind == PhotoKind::Unknown && photo.kind != PhotoKind::Unknown {
        row.confirm(tx, photo.kind).await?;
    }
    Ok(row)
}

/// Returns the row of a photo that was fetched by its key. A keyless photo of equal content is the same photo, so it
/// gets the key; an unconfirmed one is confirmed by it.
async fn keyed(tx: &mut Tx, pass: &Pass, photo: &Photo, content: &StoredContent) -> Result<Photo, DbError> {
    let twin: Option<Photo> =
        sql("SELECT * FROM photos WHERE seal_use_id = $1 AND original_hash = $2 AND photokey IS NULL
         ORDER BY CASE WHEN kind = $3 THEN 0 ELSE 1 END, CASE WHEN confirmation = 'unconfirmed' THEN 1 ELSE 0 END, id LIMIT 1")
        .bind(pass.id())
        .bind(&content.original.hash)
        .bind(photo.kind)
        .optional(&mut *tx)
        .await?;
    let Some(mut twin) = twin.filter(|_| photo.original_hash.is_none()) else {
        return Ok(photo.clone());
    };
    twin.take_key_of(tx, photo).await?;
    Ok(twin)
}

/// Returns the row for a keyless photo. `None` if the seal use has that many photos of this content already. What the
/// vendor or a user shows again confirms an unconfirmed photo of this content. A push confirms nothing.
async fn keyless(tx: &mut Tx, pass: &Pass, arrival: &Arrival) -> Result<Option<Photo>, DbError> {
    let Identity::Keyless { kind, grant, source, occurrence, .. } = &arrival.identity else {
        return Ok(None);
    };
    let present = Photo::of_content(&mut *tx, pass.id(), &arrival.content.original.hash).await?;
    let mut photo = Photo::new(pass.id(), *kind, *source, pass.app.clock.now());
    photo.grant_id.clone_from(grant);
    if let Some(supplied) = arrival.supplied() {
        photo.mark_supplied(&supplied.created_by, supplied.created_at);
    }
    // The zip may tell the kind of a photo that an earlier zip did not tell.
    let tells = *source == Source::Zip && *kind != PhotoKind::Unknown;
    let adds_to = |known: &Photo| photo.counts() && (!known.counts() || (tells && known.kind == PhotoKind::Unknown));
    let complete = present.iter().filter(|known| !adds_to(known)).count();
    if usize::try_from(*occurrence).is_ok_and(|occurrence| occurrence <= complete) {
        return Ok(None);
    }
    if let Some(mut same) = present.into_iter().find(adds_to) {
        match source {
            Source::Supply => same.become_supplied(tx, &photo).await?,
            Source::Key | Source::Push | Source::Zip => same.confirm(tx, *kind).await?,
        }
        return Ok(Some(same));
    }
    // After all photos with keys, in the order of arrival.
    photo.position = i64::from(u32::MAX);
    photo.insert(tx).await?;
    Ok(Some(photo))
}

/// Stores the content of the photo: number, times, document. Returns the name of the document.
async fn occur(
    tx: &mut Tx,
    pass: &Pass,
    flow: &LockedFlow,
    photo: Photo,
    content: &StoredContent,
    known: &mut Known,
) -> Result<Option<String>, DbError> {
    let no = match photo.no {
        Some(no) => no,
        None => flow.take_numbers(tx, 1).await?,
    };
    let vendor_at = photo.photokey.as_deref().and_then(key::day);
    let doubt = clock_doubt(content.exif_at, vendor_at, content.received_at);
    let linked = Linked {
        original: &content.original.hash,
        no,
        vendor_at,
        exif_at: content.exif_at,
        received_at: content.received_at,
        clock_doubt: doubt,
        refetch_at: refetch_at(pass, &photo, content),
    };
    Photo::link(tx, &photo.id, linked).await?;
    let at = content.exif_at.filter(|_| !doubt).unwrap_or(content.received_at);
    let seal = known.seal(tx, photo.grant_id.as_ref()).await?;
    let name = name::of_photo(
        &pass.flow.serial_no,
        seal.as_deref(),
        no,
        at,
        photo.kind,
        photo.supplied_by.is_some(),
        &content.original.ext,
    );
    match known.document(tx, &photo, &content.original.hash).await? {
        // A manifest names this document, so it is not renamed.
        Some(_) if flow.has_manifest() => return Ok(None),
        // The photo was linked before, and since then a key has identified its seal.
        Some(document) => document::rename(tx, &document, &name).await?,
        None => attach(tx, pass, &photo.id, &content.original.hash, &name).await?,
    }
    Ok(Some(name))
}

/// A photo with its number and the parts of its document's name.
#[derive(FromRow)]
struct Numbered {
    id: PhotoId,
    no: i64,
    #[sqlx(try_from = "String")]
    kind: PhotoKind,
    grant_id: Option<GrantId>,
    exif_at: Option<Timestamp>,
    received_at: Option<Timestamp>,
    clock_doubt: bool,
    supplied_by: Option<String>,
}

/// Closes gaps in the numbers: a gap would mean a missing photo. A photo that arrived without its key and later with
/// it gives up one of its two numbers. The photos behind it move up, and their documents are renamed. A flow
/// with a manifest is never changed.
pub(super) async fn close_gaps(tx: &mut Tx, pass: &Pass) -> Result<(), DbError> {
    let photos = "photos p JOIN seal_uses s ON s.id = p.seal_use_id WHERE s.flow_id = $1 AND p.no IS NOT NULL";
    let (count, last): (i64, i64) =
        sql(format!("SELECT COUNT(*), COALESCE(MAX(p.no), 0) FROM {photos}")).bind(&pass.flow.id).one(&mut *tx).await?;
    if count == last {
        return Ok(());
    }
    let Some(flow) = Flow::lock(tx, &pass.flow.id).await?.filter(|flow| !flow.has_manifest()) else {
        return Ok(());
    };
    let select = "SELECT p.id, p.no, p.kind, p.grant_id, p.exif_at, p.received_at, p.clock_doubt, p.supplied_by";
    let numbered: Vec<Numbered> =
        sql(format!("{select} FROM {photos} ORDER BY p.no")).bind(&pass.flow.id).all(&mut *tx).await?;
    // Counted again under the lock: another pass may have assigned numbers since.
    let count = i64::try_from(numbered.len()).unwrap_or(i64::MAX);
    let (mut names, mut known) = (Vec::new(), Known::default());
    for (photo, no) in numbered.into_iter().zip(1..).filter(|(photo, no)| photo.no != *no) {
        names.extend(renumber(tx, pass, &photo, no, &mut known).await?);
    }
    search_terms::add(tx, &pass.flow.id, &names).await?;
    flow.set_photo_count(tx, count).await
}

/// The names that its documents got.
async fn renumber(
    tx: &mut Tx,
    pass: &Pass,
    photo: &Numbered,
    no: i64,
    known: &mut Known,
) -> Result<Vec<String>, DbError> {
    Photo::renumber(tx, &photo.id, no).await?;
    let seal = known.seal(tx, photo.grant_id.as_ref()).await?;
    let mut names = Vec::new();
    for document in Document::of_photo(&mut *tx, &photo.id).await? {
        let received_at = photo.received_at.unwrap_or(document.received_at);
        let at = photo.exif_at.filter(|_| !photo.clock_doubt).unwrap_or(received_at);
        let supplied = photo.supplied_by.is_some();
        let name = name::of_photo(&pass.flow.serial_no, seal.as_deref(), no, at, photo.kind, supplied, &document.ext);
        document::rename(tx, &document.id, &name).await?;
        names.push(name);
    }
    Ok(names)
}

/// Returns when to fetch a truncated picture again. The picture is stored, but the vendor may have had only a part of
/// it.
fn refetch_at(pass: &Pass, photo: &Photo, content: &StoredContent) -> Option<Timestamp> {
    let again = !content.original.complete && photo.photokey.is_some() && photo.original_hash.is_none();
    let wait = pass.app.config.ingest.retries.first().filter(|_| again)?;
    Some(pass.app.clock.now().plus(wait.get()))
}

async fn attach(tx: &mut Tx, pass: &Pass, photo: &PhotoId, hash: &Blake3, name: &str) -> Result<(), DbError> {
    let document = NewDocument {
        folder: pass.place.folder.clone(),
        name: name.to_owned(),
        original: hash.clone(),
        source: DocumentSource::Photo,
        flow: Some(pass.flow.id.clone()),
        field: pass.field.clone(),
        photo: Some(photo.clone()),
        by: YINKU.to_owned(),
    };
    document.insert(tx, pass.app.clock.now()).await?;
    Ok(())
}
