//! A faithful vendor for tests and demonstrations: 契约锁's physical-seal endpoints, its box, its callbacks, its faults.
//!
//! It shares no types and no signing code with the client, so that both cannot be wrong in the same way. All habits are
//! [`Knobs`]; what happens at the box is done through the handle, or from outside through the control API.
//!
//! # Control API
//!
//! JSON without a signature under `/_sim/`; it stays when the vendor is "down". Actions answer at once, their callbacks
//! follow; `settle` waits for them. Errors are `{"error"}` with 404, 409 or 422.
//!
//! | request | does |
//! |---|---|
//! | `GET /_sim/businesses`, `GET /_sim/businesses/{id}` | businesses with auths, codes and photos |
//! | `POST /_sim/businesses/{id}/stamp {auth, count, signatory, face, emergency, counted, sameAs}` | stamps `count` times; all may be left out |
//! | `POST …/complete`, `…/finish {reason, deviceNo}`, `…/append {count, deviceNo}` | ends or continues use |
//! | `POST …/photos {auth, kind, count}` | photos that come late, without a callback |
//! | `POST …/resend`, `…/release` | the end's callback once more; lets held photos out |
//! | `PUT /_sim/photos/{photokey} {bytesBase64, sameAs, inDetail, inZip}` | other bytes, other places |
//! | `GET,POST,DELETE /_sim/faults` | a [`Fault`], e.g. `{"target":"image","fault":{"kind":"status","status":503},"times":2}` |
//! | `GET,PATCH /_sim/knobs` | the [`Knobs`]; a patch names only what changes |
//! | `GET /_sim/counters`, `GET /_sim/deliveries` | what was asked for; what was called back |
//! | `POST /_sim/settle`, `/_sim/down`, `/_sim/up` | waits for callbacks; drops all connections; takes them again |

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
