//! A fake vendor for tests and demonstrations. It imitates 契约锁: the physical-seal API, the seal box, the callbacks,
//! and the ways in which they fail.
//!
//! The crate shares no type and no signing code with the service that it tests. A shared type would let both sides make
//! the same mistake, and no test would see it. Everything here follows the vendor's documents alone.
//!
//! [`Simulator::start`] takes [`Knobs`] and a [`Clock`], listens on a TCP port, and returns a handle. Three kinds of
//! callers use it:
//!
//! * the service calls the vendor's API (signed, by HTTP);
//! * a test in the same process calls the methods of [`Simulator`]: stamp, end, append, set a fault;
//! * another process calls the control API below.
//!
//! # Parts
//!
//! | module | does |
//! |---|---|
//! | `api` | the vendor's endpoints; checks the signature first (`signature`), applies faults |
//! | `engine` | holds state, knobs, faults and counters; saves the state after each change |
//! | `lifecycle` | what happens to a business: stamping, the end, more uses, late photos (pure) |
//! | `state` | businesses with auths and photos, documents, open callbacks; one JSON file |
//! | `photo`, `exif` | draws each JPEG from a seed, so the state holds no pictures |
//! | `callbacks`, `delivery` | writes callbacks in the vendor's shapes; sends them, with copies and retries |
//! | `faults` | which requests a fault hits, and what it does to the answer |
//! | `control`, `handle` | the control API, and the same actions as methods of [`Simulator`] |
//! | `wire` | connections that can be cut one by one or all at once |
//!
//! # Knobs
//!
//! A knob is one habit of the vendor that differs between installations or that a test needs. [`Knobs`] holds the
//! signature family, the transport of errors and the state file. [`CallbackKnobs`] holds shape, encoding, copies and
//! retries of callbacks. [`PhotoKnobs`] and [`ZipKnobs`] hold size, EXIF and names of pictures. Every knob is an option of
//! `yinku simulator`. A test changes knobs by [`Simulator::turn`], another process by `PATCH /_sim/knobs`.
//!
//! # Control API
//!
//! JSON without a signature under `/_sim/`. It also works while the vendor is "down". An action returns at once and its
//! callbacks follow; `settle` waits for them. An error is `{"error"}` with status 404, 409 or 422.
//!
//! | request | does |
//! |---|---|
//! | `GET /_sim/businesses`, `GET /_sim/businesses/{id}` | returns businesses with auths, codes and photos |
//! | `POST /_sim/businesses/{id}/stamp {auth, count, signatory, face, emergency, counted, sameAs}` | stamps `count` times; every member is optional |
//! | `POST …/complete`, `…/finish {reason, deviceNo}`, `…/append {count, deviceNo}` | ends the use; ends it from the platform; adds uses |
//! | `POST …/photos {auth, kind, count}` | adds late photos, without a callback |
//! | `POST …/resend`, `…/release` | sends the end's callback again; releases photos that are held back |
//! | `PUT /_sim/photos/{photokey} {bytesBase64, sameAs, inDetail, inZip}` | replaces the bytes; shows or hides the photo |
//! | `GET,POST,DELETE /_sim/faults` | lists, adds, removes a [`Fault`], e.g. `{"target":"image","fault":{"kind":"status","status":503},"times":2}` |
//! | `GET,PATCH /_sim/knobs` | returns or changes the [`Knobs`]; a patch names only what changes |
//! | `GET /_sim/counters`, `GET /_sim/deliveries` | returns the counts of requests; returns the callbacks that were sent |
//! | `POST /_sim/settle`, `/_sim/down`, `/_sim/up` | waits for callbacks; drops all connections; accepts them again |

mod api;
mod callbacks;
mod catalog;
mod clock;
mod control;
mod delivery;
mod engine;
mod exif;
mod faults;
mod form;
mod handle;
mod knobs;
mod lifecycle;
mod photo;
mod random;
mod signature;
mod state;
mod wire;
mod zip;

use std::{net::SocketAddr, sync::Arc};

use tokio::net::TcpListener;

pub use self::{
    callbacks::{Delivery, RawCallback},
    catalog::{CATEGORIES, COMPANIES, Category, Company, SEALS, Seal},
    clock::{Clock, Timestamp},
    engine::{Counters, SimulatorError},
    faults::{Fault, FaultKind, Target},
    knobs::{
        CallbackKnobs, Encoding, EndShape, ErrorTransport, ExifMode, FinishCallback, Knobs, ParamsIn, PhotoKnobs,
        Retry, SignFamily, Success, ZipKnobs, ZipNames,
    },
    lifecycle::{CannotHappen, Stamp},
    photo::{Drawing, Kind},
    state::{AppendLog, Auth, Business, Content, Notice, Pending, Photo, Status, UsedFile},
};
use self::{
    engine::Engine,
    wire::{Line, WireHandle},
};

/// Arguments of `yinku simulator`.
pub type Args = Knobs;

/// A handle to a running simulator; clones are the same simulator.
#[derive(Clone, Debug)]
pub struct Simulator {
    engine: Arc<Engine>,
    address: Option<SocketAddr>,
}

impl Simulator {
    /// Starts a vendor on `knobs.listen`; it runs until [`Simulator::shutdown`].
    pub async fn start(knobs: Knobs, clock: Clock) -> Result<Self, SimulatorError> {
        let listener = TcpListener::bind(knobs.listen).await?;
        let address = listener.local_addr()?;
        let engine = Arc::new(Engine::new(knobs, clock)?);
        let line = Line { listener, switch: engine.switch.clone() };
        let app = control::router(engine.clone())
            .merge(api::router(&engine))
            .into_make_service_with_connect_info::<WireHandle>();
        let stop = engine.stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                served = axum::serve(line, app) => if let Err(error) = served {
                    tracing::error!(%error, "the simulator stopped serving");
                },
            }
        });
        tokio::spawn(delivery::run(engine.clone()));
        Ok(Self { engine, address: Some(address) })
    }

    /// A handle for the control API, which does not need the address.
    fn of(engine: Arc<Engine>) -> Self {
        Self { engine, address: None }
    }

    /// Stops listening and calling back; what was not called back stays in the state file.
    #[expect(clippy::unused_async, reason = "stopping may come to wait for connections")]
    pub async fn shutdown(&self) {
        self.engine.stop.cancel();
    }
}

/// `yinku simulator`: a vendor that stays until Ctrl-C.
pub async fn run(args: Args) -> Result<(), SimulatorError> {
    let simulator = Simulator::start(args, Clock::system()).await?;
    tracing::info!(url = simulator.url(), "the simulated vendor listens");
    tokio::signal::ctrl_c().await?;
    simulator.shutdown().await;
    Ok(())
}
