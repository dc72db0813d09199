//! The data that one pass over a seal use works with.

use std::sync::Arc;

use futures::{Stream, TryStreamExt, stream};
use tokio_util::task::AbortOnDropHandle;

use super::IngestError;
use crate::seal_use::ingest::Ingest;
use crate::{
    app::App,
    callback::record::{PendingCallback, Record},
    clock::Timestamp,
    db::Db,
    definition::{Definition, folders::FolderPurpose},
    flow::Flow,
    id::{PhotoId, SealUseId},
    library::folder::Place,
    photo::Photo,
    provider::Client,
    queue::{self, Lease},
    seal_use::{SealUse, delivery::Dispatch},
    service::Service,
    user::User,
};

#[derive(Debug)]
pub(super) struct Pass {
    pub(super) app: Arc<App>,
    pub(super) lease: Lease,
    pub(super) seal_use: SealUse,
    pub(super) flow: Flow,
    /// The field that gets the photos as attachments.
    pub(super) field: Option<String>,
    pub(super) client: Client,
    pub(super) place: Place,
    pub(super) ingest: Ingest,
    /// The callbacks that were here at the start of the pass.
    pub(super) callbacks: Vec<PendingCallback>,
    /// The photos that users had supplied before the pass and that are not linked yet.
    pub(super) supplied: Vec<Dispatch>,
    pub(super) begun: Timestamp,
}

impl Pass {
    pub(super) async fn begin(app: &Arc<App>, lease: &Lease, id: &SealUseId) -> Result<Self, IngestError> {
        let db = &app.db;
        let begun = app.clock.now();
        let mut reader = db.reader().await?;
        let seal_use = SealUse::find(&mut reader, id).await?.ok_or(IngestError::NoSealUse)?;
        let flow = Flow::find(&mut reader, &seal_use.flow_id).await?.ok_or(IngestError::NoSealUse)?;
        let definition = Definition::version(&mut reader, &flow.definition_id, flow.version).await?;
        let starter = User::named(&mut reader, &flow.starter).await?.ok_or(IngestError::NoSealUse)?;
        let client = Service::client(&mut reader, &app.vendor, &seal_use.service_id).await?;
        let ingest = Ingest::of_seal_use(&mut reader, id).await?.ok_or(IngestError::NoSealUse)?;
        let callbacks = Record::pending(&mut reader, id).await?;
        let supplied = Dispatch::unlinked(&mut reader, id).await?;
        drop(reader);
        let mut tx = lease.begin(db).await?;
        let place = definition.place(&mut tx, FolderPurpose::Photos, &starter, begun).await?;
        Ingest::set_running(&mut tx, id, begun).await?;
        tx.commit().await?;
        let field = definition.body.integration.and_then(|integration| integration.download_field);
        Ok(Self {
            app: Arc::clone(app),
            lease: lease.clone(),
            seal_use,
            flow,
            field,
            client,
            place,
            ingest,
            callbacks,
            supplied,
            begun,
        })
    }

    pub(super) fn db(&self) -> &Db {
        &self.app.db
    }

    pub(super) fn id(&self) -> &SealUseId {
        &self.seal_use.id
    }

    /// Returns the photos to fetch by key, in the vendor's order, marked as being fetched. Ends early if other jobs
    /// are due.
    pub(super) fn due_photos(self: &Arc<Self>) -> impl Stream<Item = Result<Photo, IngestError>> {
        let pages = stream::try_unfold(None, async |last: Option<Photo>| {
            // In a separate task: this stream is not polled while its reader links a batch. A transaction without a
            // poller would hold the one connection that the reader waits for.
            let page = AbortOnDropHandle::new(tokio::spawn(Arc::clone(self).next_page(last))).await??;
            Ok::<_, IngestError>(page.last().cloned().map(|last| (page, Some(last))))
        });
        pages.map_ok(|page| stream::iter(page.into_iter().map(Ok))).try_flatten()
    }

    async fn next_page(self: Arc<Self>, after: Option<Photo>) -> Result<Vec<Photo>, IngestError> {
        if after.is_some() && self.others_wait().await? {
            return Ok(Vec::new());
        }
        let slice = i64::try_from(self.app.config.ingest.slice).unwrap_or(i64::MAX);
        let due = Photo::due(self.db(), self.id(), self.begun, after.as_ref(), slice).await?;
        if !due.is_empty() {
            let ids: Vec<&PhotoId> = due.iter().map(|photo| &photo.id).collect();
            let mut tx = self.lease.begin(self.db()).await?;
            Photo::mark_fetching(&mut tx, &ids).await?;
            tx.commit().await?;
        }
        Ok(due)
    }

    /// Returns true if this pass could fetch more photos.
    pub(super) async fn has_due_photos(&self) -> Result<bool, IngestError> {
        // As of the start of the pass: a photo that failed in this pass is due in a later one, however short its
        // wait.
        Ok(!Photo::due(self.db(), self.id(), self.begun, None, 1).await?.is_empty())
    }

    /// Returns true if this pass was scheduled. False if a callback or a user asked for it.
    pub(super) fn is_recheck(&self) -> bool {
        self.ingest.next_at.is_some_and(|planned| planned <= self.begun && planned > self.ingest.woken_at)
            && self.seal_use.ended_at.is_some()
    }

    /// Returns true if other jobs are due. Then this job lets them run first.
    async fn others_wait(&self) -> Result<bool, IngestError> {
        Ok(queue::next_due(self.db()).await?.is_some_and(|due| due <= self.app.clock.now()))
    }
}
