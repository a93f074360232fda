//! Opens what the command line names, starts the threads, waits for the end.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use skylark_common::air::CaptureAir;
use skylark_common::air::pcap_file::{Pace, PcapCapture};
use skylark_common::air::udp::UdpCapture;
use skylark_common::options::AirTarget;
use skylark_common::queue::Queue;
use skylark_common::seal::{LinkKey, key_file};
use skylark_common::wire::link::LinkId;
use skylark_rx::{Receiver, ReceiverConfig};

use crate::args::{Args, OutputArg};
use crate::board::Board;
use crate::clock::{SharedClock, now};
use crate::control::Control;
use crate::decode::{self, PictureQueue};
use crate::decoder::Decoder;
use crate::link::{Card, Link, Time};
use crate::output::annex_b::AnnexB;
use crate::output::png::PngOutput;
use crate::output::rtp::RtpOutput;
use crate::output::{DECODER_UNITS, Outlets, RECORDING_UNITS, UnitQueue};
use crate::reporter::Reporter;
use crate::signal::Names;
use crate::tell::tell;

/// How long a thread may take to end: a recording may hang on a pipe nobody reads.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As asked.
    AsAsked,
    /// Pictures were to be written and none came.
    WithoutPicture,
}

/// What all threads share, and the threads.
struct Program {
    board: Arc<Board>,
    control: Arc<Control>,
    workers: Vec<Worker>,
    outlets: Outlets,
    pictures: Vec<PictureQueue>,
}

/// A thread that can be waited for.
struct Worker {
    name: &'static str,
    done: Arc<Queue<()>>,
}

/// Runs the program to its end.
///
/// # Errors
/// Something cannot be opened, or what failed last on the way.
pub(crate) fn run(args: &Args) -> Result<Ended> {
    let key = read_key(&args.key)?;
    let link = LinkId::from_name(&args.link);
    let airs = args.air.iter().map(open_air).collect::<Result<Vec<_>>>()?;
    let names = Names {
        link_name: args.link.clone(),
        link,
        fingerprint: key.fingerprint(),
        airs: airs.iter().map(|air| air.name().to_owned()).collect(),
    };
    let control = Arc::new(Control::new(args.output.len()).context("cannot listen to signals")?);
    let mut program = Program::new(control);
    #[cfg(feature = "window")]
    let window = program.open_window(args, &names)?;
    args.output.iter().try_for_each(|output| program.open_output(output))?;
    program.start_decoder(args)?;
    let reporter = Reporter::new(args, &names)?;
    tell(&format!(
        "link {} ({link}), key {:08x}, listening on {}",
        args.link,
        names.fingerprint,
        names.airs.join(", ")
    ));
    let (ending, reported) = (Arc::new(Queue::new(1)), Arc::clone(&program.board));
    let reporting = Worker::start("report", {
        let ending = Arc::clone(&ending);
        move || reporter.run(&reported, &ending)
    })?;
    let board = Arc::clone(&program.board);
    let control = Arc::clone(&program.control);
    let workers = program.start_link(args, airs, &key)?;
    #[cfg(feature = "window")]
    if let Some(window) = window {
        window.run(&board, &control);
    }
    // The link ends when the program does; everything else soon after.
    workers.first().iter().for_each(|link| link.wait());
    workers.iter().skip(1).for_each(Worker::wait_patiently);
    ending.close();
    reporting.wait_patiently();
    match control.failure() {
        Some(reason) => Err(anyhow::Error::msg(reason)),
        None if !wants_png(args) => Ok(Ended::AsAsked),
        None => match board.with(|seen| (seen.pictures.decoded, seen.outputs.png_written)) {
            (0, _) => Ok(Ended::WithoutPicture),
            (_, 0) => Err(anyhow::Error::msg("pictures arrived, and none could be written")),
            (_, _) => Ok(Ended::AsAsked),
        },
    }
}

impl Program {
    fn new(control: Arc<Control>) -> Self {
        let outlets = Outlets { rtp: Vec::new(), decoder: None, recordings: Vec::new() };
        let board = Arc::new(Board::new());
        Self { board, control, workers: Vec::new(), outlets, pictures: Vec::new() }
    }

    #[cfg(feature = "window")]
    fn open_window(&mut self, args: &Args, names: &Names) -> Result<Option<crate::output::window::Window>> {
        if !args.output.contains(&OutputArg::Window) {
            return Ok(None);
        }
        let pictures = self.picture_queue();
        crate::output::window::Window::open(names.clone(), pictures, args.fullscreen).map(Some)
    }

    fn open_output(&mut self, output: &OutputArg) -> Result<()> {
        match output {
            OutputArg::Window | OutputArg::None => {}
            OutputArg::Rtp(address) => self.outlets.rtp.push(RtpOutput::connect(address)?),
            OutputArg::Stdout => self.start_recording(AnnexB::stdout())?,
            OutputArg::File(path) => self.start_recording(AnnexB::create(path)?)?,
            OutputArg::Png(path) => {
                let (png, pictures) = (PngOutput::create(path)?, self.picture_queue());
                let (board, control) = (Arc::clone(&self.board), Arc::clone(&self.control));
                self.workers.push(Worker::start("png", move || png.run(&pictures, &board, &control))?);
            }
        }
        Ok(())
    }

    fn picture_queue(&mut self) -> PictureQueue {
        let pictures: PictureQueue = Arc::new(Queue::new(1));
        self.pictures.push(Arc::clone(&pictures));
        pictures
    }

    fn start_recording<W: std::io::Write + Send + 'static>(&mut self, recording: AnnexB<W>) -> Result<()> {
        let units: UnitQueue = Arc::new(Queue::new(RECORDING_UNITS));
        self.outlets.recordings.push(Arc::clone(&units));
        let (board, control) = (Arc::clone(&self.board), Arc::clone(&self.control));
        self.workers.push(Worker::start("record", move || recording.run(&units, &board, &control))?);
        Ok(())
    }

    fn start_decoder(&mut self, args: &Args) -> Result<()> {
        if !args.wants_pictures() {
            return Ok(());
        }
        let decoder = Decoder::new().context("cannot start the decoder")?;
        let units: UnitQueue = Arc::new(Queue::new(DECODER_UNITS));
        self.outlets.decoder = Some(Arc::clone(&units));
        let (board, control, pictures) = (Arc::clone(&self.board), Arc::clone(&self.control), self.pictures.clone());
        let run = move || decode::run(decoder, &units, &pictures, &board, &control);
        self.workers.push(Worker::start("decode", run)?);
        Ok(())
    }

    /// Starts the link; returns the workers, it first.
    fn start_link(self, args: &Args, airs: Vec<Box<dyn CaptureAir>>, key: &LinkKey) -> Result<Vec<Worker>> {
        let started = now();
        let config = ReceiverConfig { link: LinkId::from_name(&args.link), latency_budget: args.latency_budget };
        let link = Link {
            receiver: Receiver::new(config, key, started),
            cards: airs.into_iter().map(Card::new).collect(),
            outlets: self.outlets,
            board: self.board,
            control: self.control,
            time: if args.as_fast_as_possible { Time::Recorded(started) } else { Time::Real },
            until: args.duration.map(|duration| started + duration),
            latency_budget: args.latency_budget,
            clock: SharedClock::of_this_machine(),
        };
        let mut workers = vec![Worker::start("link", move || link.run())?];
        workers.extend(self.workers);
        Ok(workers)
    }
}

impl Worker {
    fn start(name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<Self> {
        let done = Arc::new(Queue::new(1));
        let finished = Finished(Arc::clone(&done));
        let work = move || {
            let _finished = finished;
            work();
        };
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .with_context(|| format!("cannot start thread {name}"))?;
        Ok(Self { name, done })
    }

    fn wait(&self) {
        self.done.pop();
    }

    fn wait_patiently(&self) {
        if self.done.pop_within(PATIENCE) == skylark_common::queue::Popped::TimedOut {
            tell(&format!("thread {} does not end, leaving without it", self.name));
        }
    }
}

/// Says that a thread has ended, however it ended.
struct Finished(Arc<Queue<()>>);

impl Drop for Finished {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn read_key(path: &Path) -> Result<LinkKey> {
    let key = key_file::read(path)?;
    if let Some(warning) = key_file::mode(path).ok().and_then(|mode| key_file::exposure(path, mode)) {
        tell(&format!("warning: {warning}"));
    }
    Ok(key)
}

/// Recordings are always read in their own time; whose time that is, the link decides.
fn open_air(air: &AirTarget) -> Result<Box<dyn CaptureAir>> {
    Ok(match air {
        AirTarget::Udp(address) => Box::new(UdpCapture::bind(address)?),
        AirTarget::Pcap(path) => Box::new(PcapCapture::open(path, Pace::Recorded)?),
    })
}

fn wants_png(args: &Args) -> bool {
    args.output.iter().any(|output| matches!(output, OutputArg::Png(_)))
}
