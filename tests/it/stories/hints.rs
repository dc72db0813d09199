//! Stories of hints: what one process of the service does, those who listen at another one are told.

use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;
use yinku::{
    app::{App, ChangeNotice, ChangeSubject},
    clock::Clock,
    id::FlowId,
    notify::peers,
};

use crate::support::{World, seals::archived_documents, story_on_postgres};

story_on_postgres!(on_postgres_they_reach_those_who_listen_at_another_process, async |world: World| {
    let other = App::open(world.app.config.clone(), Clock::System).await.unwrap();
    let stop = CancellationToken::new();
    for app in [&world.app, &other] {
        tokio::spawn(peers::run(Arc::clone(app), stop.clone()));
    }
    let (mut here, mut there) = (world.app.change_notices.subscribe(), other.change_notices.subscribe());
    world
        .until("both processes say and hear", async || {
            world.app.notices_for_peers.receiver_count() == 1 && other.notices_for_peers.receiver_count() == 1
        })
        .await;
    let flow = archived_documents(&world).await[0].flow_id.clone().unwrap();
    let last = async |listener: &mut Receiver<ChangeNotice>| loop {
        let hint = listener.recv().await.unwrap();
        if (hint.about, hint.state.as_str()) == (ChangeSubject::Flow, "archived") {
            assert_eq!(hint.flow_id, flow.as_str());
            return hint;
        }
    };
    assert_eq!(last(&mut there).await, last(&mut here).await);
    // What this process says comes back to it, and is not told again.
    world.app.db.tell("yinku_notices", "not a hint").await.unwrap();
    other.notify_listeners(ChangeNotice { state: "withdrawn".into(), ..last_hint(&flow) });
    let next = here.recv().await.unwrap();
    assert_eq!(next.state, "withdrawn", "{next:?}");
    stop.cancel();
});

fn last_hint(flow: &FlowId) -> ChangeNotice {
    let (id, flow_id) = (flow.to_string(), flow.to_string());
    ChangeNotice { about: ChangeSubject::Flow, id, flow_id, state: String::new(), received: 2, expected: 2 }
}
