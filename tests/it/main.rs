//! The one integration binary: stories through the front door (`stories/`), suites below it (`suites/`), and the test
//! kit that both use (`support/`).
//!
//! A story is one plain sentence that must be true on both engines. To add one, write this into the file of its
//! topic in `stories/`:
//!
//! ```text
//! story!(a_completed_seal_use_is_archived, async |world: World| {
//!     let (flow, seal_use, business) = world.seal_use(2).await;     // started, approved, known to the vendor
//!     world.sim.stamp_many(&business, 0, 2).await.unwrap();         // the vendor's side
//!     world.until_archived(&flow).await;                            // waits for a fact, never for a time
//!     let li = world.caller("li").await;                            // a person, over real HTTP
//!     assert_eq!(show(&li, &flow).await["state"], "archived");
//!     world.assert_snapshot("completed_and_archived").await;        // all rows, events and store keys
//! });
//! ```
//!
//! It makes the tests `…::a_completed_seal_use_is_archived::sqlite` and `…::postgres`. Run them with
//! `scripts/with-services cargo nextest run --features killpoints completed_seal_use_is_archived`.
//!
//! * The world has a real service on a database of its own, its workers, its HTTP edge and a simulated vendor. A story
//!   that needs another one takes `engine: Engine` and makes `World::new(engine, Plan { … })`: other settings, another
//!   definition, a vendor with other habits, a clock that the story moves.
//! * The people are `zhang` (starts), `li` (approves), `wang` (stamps), `zhao` (archivist), `sun` (auditor), `admin`.
//! * Ask through HTTP. `Caller` refuses an answer that the OpenAPI document does not describe. `expect(200)` gives the
//!   body; `expect_problem(409, "not_now")` proves a refusal.
//! * `world.until("what", …)` is the only way to wait. It fails with the sentence and the world's rows.
//! * `world.sim.set_fault(…)` lets the vendor fail; `vendor::door` shuts the way to it; `vendor::raw` says bytes word
//!   for word. `process::House` runs the real program and kills it at a point of `src/killpoint.rs`.
//! * When the story has ended no job may be due, running or parked. A story that leaves one says why:
//!   `world.leaves_parked("archive", "the required file never comes")`.
//! * A new snapshot fails until it is written: run the story once with `INSTA_UPDATE=always`, then read the file in
//!   `snapshots/` as you read code. Ids, hashes and instants are labels in it; both engines have the same file.
//! * Helpers live in `support/`, by topic: `flows` and `plain_flows` (acts of people), `seals` (seals in use), `files`,
//!   `callbacks`, `definitions` (changes for a `Plan`), `database`, `people`. A story file has none that another story
//!   could use.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod architecture;
mod documented;
mod named_tests;
mod schema_names;
mod simulator;
mod stories;
mod suites;
mod support;
