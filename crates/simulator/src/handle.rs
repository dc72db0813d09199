//! What a test or the demonstration does with a running vendor.

use super::{
    Simulator,
    callbacks::{Delivery, RawCallback},
    catalog, delivery,
    engine::Counters,
    faults::Fault,
    knobs::{Encoding, Knobs},
    lifecycle::{CannotHappen, Scene, Stamp},
    photo::Kind,
    state::{AppendLog, Business, Content, Notice, Pending, Photo},
};
use bytes::Bytes;

type Done<T> = Result<T, CannotHappen>;

/// Actions that call back wait until their callbacks that are due were tried once (not for retries or delays).
impl Simulator {
    /// `http://127.0.0.1:<port>`, the service's base address.
    #[must_use]
    pub fn url(&self) -> String {
        self.address.map(|a| format!("http://{a}")).unwrap_or_default()
    }

    /// All businesses, oldest first.
    #[must_use]
    pub fn businesses(&self) -> Vec<Business> {
        self.engine.read(|world| world.businesses.clone())
    }

    /// Documents that were sent, oldest first: id, title, size in bytes.
    #[must_use]
    pub fn documents(&self) -> Vec<(String, String, u64)> {
        let told = |document: &super::state::Document| (document.id.clone(), document.title.clone(), document.bytes);
        self.engine.read(|world| world.documents.iter().map(told).collect())
    }

    pub fn business(&self, id: &str) -> Done<Business> {
        self.engine.business(id)
    }

    /// The box stamps once and takes one photo of the page; gives its photokey.
    pub async fn stamp(&self, business: &str, auth: usize) -> Done<String> {
        let keys = self.stamp_with(business, auth, &Stamp::default()).await?;
        Ok(keys.into_iter().next().unwrap_or_default())
    }

    /// Stamps `count` times, one photo each.
    pub async fn stamp_many(&self, business: &str, auth: usize, count: u32) -> Done<Vec<String>> {
        let mut keys = Vec::new();
        for _ in 0..count {
            keys.push(self.stamp(business, auth).await?);
        }
        Ok(keys)
    }

    /// One stamping as described; gives the photokeys: face, then page, then emergency photos.
    pub async fn stamp_with(&self, business: &str, auth: usize, stamp: &Stamp) -> Done<Vec<String>> {
        self.act(None, |scene| scene.stamp(business, auth, stamp)).await
    }

    /// Emergency photos that are pushed (P2) but stand in no detail; not counted. Pushed as multipart when pushing is off.
    pub async fn push_only_emergency(&self, business: &str, auth: usize, count: u32) -> Done<Vec<String>> {
        let push = Some(Encoding::Multipart);
        self.act(push, |scene| {
            let auth = auth_id(scene, business, auth)?;
            let keys = scene.photos(business, &auth, Kind::Emergency, count, None)?;
            let pushed =
                Notice::Pushed { business: business.to_owned(), auth, kind: Kind::Emergency, photokeys: keys.clone() };
            Ok((keys, vec![pushed]))
        })
        .await
    }

    /// Ends use at the box; nothing happens when it had ended.
    pub async fn complete(&self, business: &str) -> Done<()> {
        self.act(None, |scene| scene.complete(business)).await
    }

    /// Ends use from the platform, as `/seal/apply/finish` does.
    pub async fn finish(&self, business: &str, reason: &str) -> Done<()> {
        self.act(None, |scene| scene.finish(business, reason, None)).await
    }

    /// The end's callback once more.
    pub async fn resend_end(&self, business: &str) -> Done<()> {
        let status = self.business(business)?.status;
        self.act(None, |_| Ok(((), vec![Notice::Ended { business: business.to_owned(), status }]))).await
    }

    /// More uses, for one device or all; an ended business is in use again.
    pub fn append(&self, business: &str, count: u32, device: Option<&str>) -> Done<()> {
        let Business { contact, number, .. } = self.business(business)?;
        let user_name = catalog::person(&format!("{contact}{number}")).to_owned();
        let by = AppendLog { user_name, contact, number, count, create_time: self.engine.now() };
        self.engine.change(|scene| scene.append(business, count, device, &by)).map(|_| ())
    }

    /// Somebody at the vendor lets one more person use the seal of an auth, so many times.
    pub fn add_auth(&self, business: &str, auth: usize, number: &str, count: u32) -> Done<()> {
        let added = self.engine.change(|scene| Ok((scene.add_auth(business, auth, number, count)?, Vec::new())));
        added.map(|_| ())
    }

    /// A photo that appears without a stamping and without a callback; gives its photokey.
    pub fn late_photo(&self, business: &str, auth: usize, kind: Kind) -> Done<String> {
        let (keys, _) = self.engine.change(|scene| {
            let auth = auth_id(scene, business, auth)?;
            Ok((scene.photos(business, &auth, kind, 1, None)?, Vec::new()))
        })?;
        Ok(keys.into_iter().next().unwrap_or_default())
    }

    /// Lets out the photos and pushes that `reorder` holds back.
    pub fn release_photos(&self, business: &str) -> Done<()> {
        let released = self.engine.change(|scene| {
            scene.release(business);
            Ok(((), Vec::new()))
        });
        released.map(|_| ())
    }

    /// Changes anything about a photo: where it shows, when it appears, what it is.
    pub fn edit_photo<T>(&self, photokey: &str, edit: impl FnOnce(&mut Photo) -> T) -> Done<T> {
        let edited = self.engine.edit(|world| world.photo_mut(photokey).map(edit));
        edited.ok_or_else(|| CannotHappen::NoPhoto(photokey.to_owned()))
    }

    /// From now on the photo is exactly these bytes.
    pub fn set_photo_bytes(&self, photokey: &str, bytes: &[u8]) -> Done<()> {
        self.edit_photo(photokey, |photo| photo.content = Content::given(bytes))
    }

    /// From now on the photo has the bytes of the other.
    pub fn set_photo_same(&self, photokey: &str, other: &str) -> Done<()> {
        let found = self.engine.read(|world| world.photo(other).map(|p| p.content.clone()));
        let content = found.ok_or_else(|| CannotHappen::NoPhoto(other.to_owned()))?;
        self.edit_photo(photokey, |photo| photo.content = content)
    }

    /// The bytes that the vendor sends for the photo when nothing goes wrong.
    pub async fn photo_bytes(&self, photokey: &str) -> Done<Bytes> {
        let found = self.engine.read(|world| world.photo(photokey).map(|p| p.content.clone()));
        let content = found.ok_or_else(|| CannotHappen::NoPhoto(photokey.to_owned()))?;
        Ok(super::api::photos::made(content).await)
    }

    /// Adds a fault; the oldest that matches a request hits it.
    pub fn set_fault(&self, fault: Fault) {
        self.engine.faults().push(fault);
    }

    pub fn clear_faults(&self) {
        self.engine.faults().clear();
    }

    #[must_use]
    pub fn knobs(&self) -> Knobs {
        self.engine.knobs()
    }

    /// Turns knobs while it runs; `listen`, `state` and `seed` matter at start only.
    pub fn turn(&self, turn: impl FnOnce(&mut Knobs)) {
        self.engine.turn(turn);
    }

    /// Sends a request that a test wrote itself, with copies; gives every answer. It is not sent again.
    pub async fn send_callback(&self, callback: &RawCallback, times: u32, concurrently: bool) -> Vec<Delivery> {
        delivery::send(&self.engine, callback, times, concurrently, None, 1).await
    }

    /// Down: every connection of the vendor is dropped, nothing is called back.
    pub fn set_down(&self, down: bool) {
        self.engine.switch.set_down(down);
        self.engine.wake.notify_one();
    }

    #[must_use]
    pub fn counters(&self) -> Counters {
        self.engine.counters().clone()
    }

    /// What was called back, oldest first (the last 10,000).
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.engine.deliveries()
    }

    /// Callbacks that were not taken yet.
    #[must_use]
    pub fn pending(&self) -> Vec<Pending> {
        self.engine.read(|world| world.pending.clone())
    }

    /// Waits until every callback that is due was tried once.
    pub async fn settle(&self) {
        self.engine.settle(None).await;
    }

    async fn act<T>(
        &self,
        push: Option<Encoding>,
        act: impl FnOnce(&mut Scene<'_>) -> Done<(T, Vec<Notice>)>,
    ) -> Done<T> {
        let (value, ids) = self.engine.change_and_push(push, act)?;
        self.engine.settle(Some(&ids)).await;
        Ok(value)
    }
}

fn auth_id(scene: &Scene<'_>, business: &str, index: usize) -> Done<String> {
    let found = scene.world.business(business).ok_or_else(|| CannotHappen::NoBusiness(business.to_owned()))?;
    found.auths.get(index).map(|a| a.id.clone()).ok_or(CannotHappen::NoAuth(index))
}
