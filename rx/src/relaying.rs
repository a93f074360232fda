//! `skylark-rx relay`: forwards what the cards of this machine hear to viewers on the network, still sealed.

pub(crate) mod figures;
mod reaching;
mod turns;

use std::sync::Arc;

use crate::relay::{Forwarder, ForwarderConfig, RelayedLink};
use anyhow::{Context as _, Result, ensure};
use skylark_common::queue::Queue;
use skylark_common::scheduling;

use crate::airs;
use crate::args::{OnAir, RELAY_PORT, RelayArgs};
use crate::board::Board;
use crate::clock::now;
use crate::control::Control;
use crate::fabric::{Fabric, Kind, Listen, Outlet};
use crate::link::cards::Cards;
use crate::link::joining::Joining;
use crate::radio::{self, newcomers::Newcomers};
use crate::stations::Arrivals;
use crate::stations::status::MAX_CARDS;
use crate::tell::tell;
use crate::worker::Worker;
use figures::Figures;
use reaching::Reaching;
use turns::Turns;

/// Messages that wait to be published: a tenth of a second, where each holds one frame of a link of 12 Mbit/s. The
/// oldest gives way.
const WAITING_MESSAGES: usize = 128;

/// A report of a viewer that knows as much as it can tell has 1500 bytes.
const MAX_REPORT_BYTES: usize = 2048;

/// What waits to be published.
type Outgoing = Queue<(Kind, Vec<u8>)>;

/// Runs the relay until it is told to end.
///
/// # Errors
/// A card or the network cannot be opened.
pub(crate) fn run(args: &RelayArgs) -> Result<()> {
    let airs = airs::open(&args.air, args.on_air.dialect, now())?;
    ensure!(airs.all.len() <= MAX_CARDS, "{} airs, a relay has at most {MAX_CARDS}: name fewer", airs.all.len());
    let link = args.on_air.link();
    let name = args.name.clone().unwrap_or_else(machine_name);
    let (fabric, listen) = join(link, &args.connect)?;
    let control = Arc::new(Control::new(1).context("cannot listen to signals")?);
    let (board, joining) = (Arc::new(Board::new(None)), Arc::new(Joining::new()));
    let reports = Arc::new(Arrivals::new().context("cannot wait for reports")?);
    let taken = Arc::clone(&reports);
    let _viewers = fabric.subscribe(Kind::Known, move |viewer, report| {
        if report.len() <= MAX_REPORT_BYTES {
            taken.push(viewer, report.to_vec());
        }
    })?;
    let outgoing: Arc<Outgoing> = Arc::new(Queue::new(WAITING_MESSAGES));
    let publishing = start_publishing(&fabric, &outgoing)?;
    let heard: Vec<String> = airs.all.iter().map(|air| air.name().to_owned()).collect();
    let figures = Figures::open(args, &name, fabric.id(), &heard)?;
    if airs.wanted.is_none() {
        joining.close();
    }
    let looking = Arc::new(Queue::new(1));
    let newcomers = Newcomers::new(airs.wanted, Arc::clone(&joining));
    let (seen, looked) = (Arc::clone(&board), Arc::clone(&looking));
    let caring = Worker::start("radio", move || radio::run(newcomers, &seen, &looked))?;
    tell(&format!("relay {name} of {} forwards what is heard on {}", described(&args.on_air), heard.join(", ")));
    tell(&match listen {
        Listen::Known(port) => {
            format!("viewers here: skylark-rx {}--air relays; elsewhere: relays:HOST, TCP port {port}", spoken(link))
        }
        Listen::Anywhere => {
            format!(
                "TCP port {RELAY_PORT} is taken: viewers elsewhere reach this relay if another of this machine has it, or \
                 by a Zenoh router (--connect)"
            )
        }
    });
    let scheduling = scheduling::real_time();
    board.with(|seen| (seen.airs, seen.scheduling) = (heard, Some(scheduling)));
    let mut cards = Cards::default();
    airs.all.into_iter().for_each(|air| _ = cards.add(air));
    let id = fabric.id();
    Turns {
        forwarder: Forwarder::new(ForwarderConfig { id, link, run: entropy()? }),
        reaching: Reaching::new(fabric, &args.connect, now()),
        cards,
        joining,
        reports,
        outgoing: Arc::clone(&outgoing),
        board,
        control: Arc::clone(&control),
        until: args.duration.map(|duration| now() + duration),
        figures,
    }
    .run();
    looking.close();
    outgoing.close();
    caring.wait_patiently();
    publishing.wait_patiently();
    Ok(())
}

/// A thread that publishes, so that a network that stalls holds up no card.
fn start_publishing(fabric: &Fabric, outgoing: &Arc<Outgoing>) -> Result<Worker> {
    let (frames, status) = (fabric.publish(Kind::Frames)?, fabric.publish(Kind::Status)?);
    let outgoing = Arc::clone(outgoing);
    Worker::start("publish", move || {
        while let Some((kind, payload)) = outgoing.pop() {
            let outlet: &Outlet = if kind == Kind::Status { &status } else { &frames };
            outlet.send(payload);
        }
    })
}

/// What is forwarded, and how, as people are told at the start.
fn described(on_air: &OnAir) -> String {
    match on_air.link() {
        link @ RelayedLink::Skylark(_) => format!("link {} ({link})", on_air.name()),
        link @ RelayedLink::WfbNg(_) => format!("wfb-ng link {link}"),
    }
}

/// What a viewer must say so that it wants the same.
const fn spoken(link: RelayedLink) -> &'static str {
    match link {
        RelayedLink::Skylark(_) => "",
        RelayedLink::WfbNg(_) => "--dialect wfb-ng ",
    }
}

/// Listens at the port relays are expected at, if nobody else does.
fn join(link: RelayedLink, endpoints: &[String]) -> Result<(Fabric, Listen)> {
    let known = Listen::Known(RELAY_PORT);
    match Fabric::join(link, endpoints, known) {
        Ok(fabric) => Ok((fabric, known)),
        Err(_) => Ok((Fabric::join(link, endpoints, Listen::Anywhere)?, Listen::Anywhere)),
    }
}

/// Which start of the relay this is: nobody has to believe it, and no two are alike.
fn entropy() -> Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).context("the machine has no random numbers")?;
    Ok(u64::from_ne_bytes(bytes))
}

fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
