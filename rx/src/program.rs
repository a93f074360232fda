//! Opens what the command line names, starts the threads, waits for the end.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::{CommandFactory as _, Parser as _};
use skylark_common::air::CaptureAir;
use skylark_common::queue::Queue;

use crate::airs::{self, Wanted};
use crate::args::{Args, OutputArg};
use crate::board::Board;
use crate::clock::{SharedClock, now};
use crate::control::Control;
use crate::decode::{self, PictureQueue};
use crate::dialect::Spoken;
use crate::glass::time_code::TimeCodes;
use crate::glass::{Glass, Until};
use crate::healing::Healing;
use crate::link::joining::Joining;
use crate::link::relayed::Relays;
use crate::link::{Link, Time};
use crate::output::annex_b::AnnexB;
use crate::output::png::PngOutput;
use crate::output::rtp::RtpOutput;
use crate::output::sdp::SdpFile;
use crate::output::{DECODER_UNITS, Outlets, RECORDING_UNITS, UnitQueue};
use crate::radio::{self, newcomers::Newcomers};
use crate::receiver::DialectReceiver;
use crate::reporter::Reporter;
use crate::signal::Names;
use crate::tell::tell;
use crate::worker::Worker;

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// As asked.
    AsAsked,
    /// Pictures were to be written and none came.
    WithoutPicture,
}

/// What all threads share, and the threads.
struct Program {
    board: Arc<Board>,
    control: Arc<Control>,
    joining: Arc<Joining>,
    workers: Vec<Worker>,
    recordings: Vec<(Worker, UnitQueue)>,
    outlets: Outlets,
    pictures: Vec<PictureQueue>,
}

/// Runs `skylark-rx` with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse().and_then(checked) {
        Ok(args) => args,
        Err(error) => {
            // Nobody is left to be told when even this cannot be printed.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    #[cfg(feature = "relay")]
    if let Some(crate::args::Command::Relay(args)) = &args.command {
        return match crate::relaying::run(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        };
    }
    match run(&args) {
        Ok(Ended::AsAsked) => ExitCode::SUCCESS,
        Ok(Ended::WithoutPicture) => {
            tell("no picture arrived");
            ExitCode::from(3)
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    tell(&format!("{error:#}"));
    ExitCode::FAILURE
}

fn checked(args: Args) -> Result<Args, clap::Error> {
    let contradiction = |words| Args::command().error(clap::error::ErrorKind::ArgumentConflict, words);
    args.check().map_err(contradiction)?;
    Ok(args)
}

/// Runs the program to its end.
///
/// # Errors
/// Something cannot be opened, or what failed last on the way.
fn run(args: &Args) -> Result<Ended> {
    // Whoever has neither card nor key begins with the card: setting it up makes the key.
    let (airs, relayed) = airs::open_sources(&args.air, args.on_air.dialect, now())?;
    let spoken = Spoken::of(args)?;
    let names = spoken.names(args);
    let relays = relayed.map(|endpoints| Relays::listen(args.on_air.link(), &endpoints, now())).transpose()?;
    let heard = airs.all.iter().map(|air| air.name()).chain(relays.iter().map(|_| "relays"));
    let heard: Vec<String> = heard.map(str::to_owned).collect();
    let control = Arc::new(Control::new(args.output.len()).context("cannot listen to signals")?);
    let clock = SharedClock::of_this_machine();
    let mut program = Program::new(control, glass(args, clock)?);
    #[cfg(feature = "window")]
    let window = program.open_window(args, &names)?;
    args.output.iter().try_for_each(|output| program.open_output(output))?;
    program.describe(args, &names)?;
    program.start_decoder(args)?;
    let reporter = Reporter::new(args, &names, &heard)?;
    tell(&format!("{names}, listening on {}", heard.join(", ")));
    let (ending, reported) = (Arc::new(Queue::new(1)), Arc::clone(&program.board));
    let reporting = Worker::start("report", {
        let ending = Arc::clone(&ending);
        move || reporter.run(&reported, &ending)
    })?;
    let looking = Arc::new(Queue::new(1));
    program.board.with(|seen| seen.airs = airs.all.iter().map(|air| air.name().to_owned()).collect());
    if airs.wanted.is_none() {
        program.joining.close();
    }
    let caring = (airs.cards > 0 || !airs.wanted.is_none()).then(|| program.start_radio(airs.wanted, &looking));
    let caring = caring.transpose()?;
    let receiver = spoken.receiver(args.latency_budget, args.early(), now());
    let link = program.start_link(args, (airs.all, relays), &names, receiver, clock)?;
    #[cfg(feature = "window")]
    if let Some(window) = window {
        window.run(&program.board, &program.control);
    }
    link.wait();
    let unwritten = program.wait();
    looking.close();
    caring.iter().for_each(|caring| _ = caring.wait_patiently());
    ending.close();
    reporting.wait_patiently();
    program.verdict(args, unwritten)
}

impl Program {
    fn new(control: Arc<Control>, glass: Option<Glass>) -> Self {
        Self {
            board: Arc::new(Board::new(glass)),
            control,
            joining: Arc::new(Joining::new()),
            workers: Vec::new(),
            recordings: Vec::new(),
            outlets: Outlets::default(),
            pictures: Vec::new(),
        }
    }

    #[cfg(feature = "window")]
    fn open_window(&mut self, args: &Args, names: &Names) -> Result<Option<crate::output::window::Window>> {
        if !args.output.contains(&OutputArg::Window) {
            return Ok(None);
        }
        let pictures = self.picture_queue();
        let finder = args.measure_loop.then(|| self.start_finder()).transpose()?;
        crate::output::window::Window::open(names.clone(), pictures, args, finder).map(Some)
    }

    /// Starts to look for the window's codes in the pictures that are put into the queue.
    #[cfg(feature = "window")]
    fn start_finder(&mut self) -> Result<crate::glass::finder::ShownQueue> {
        let shown = Arc::new(Queue::new(1));
        let (board, searched) = (Arc::clone(&self.board), Arc::clone(&shown));
        self.workers.push(Worker::start("find-code", move || crate::glass::finder::run(&searched, &board))?);
        Ok(shown)
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

    /// Starts to write what the first rtp: output sends, if it is to be written.
    fn describe(&mut self, args: &Args, names: &Names) -> Result<()> {
        if let (Some(path), Some(rtp)) = (&args.sdp, self.outlets.rtp.first()) {
            let (sdp, writing) = SdpFile::create(path, &names.link_name, rtp.remote())?;
            self.outlets.sdp = Some(sdp);
            self.workers.push(writing);
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
        let (board, control, taken) = (Arc::clone(&self.board), Arc::clone(&self.control), Arc::clone(&units));
        let worker = Worker::start("record", move || recording.run(&taken, &board, &control))?;
        self.recordings.push((worker, units));
        Ok(())
    }

    fn start_decoder(&mut self, args: &Args) -> Result<()> {
        if !args.wants_pictures() {
            return Ok(());
        }
        let healing = Healing::new().context("cannot start the decoder")?;
        let units: UnitQueue = Arc::new(Queue::new(DECODER_UNITS));
        self.outlets.decoder = Some(Arc::clone(&units));
        let (board, control, pictures) = (Arc::clone(&self.board), Arc::clone(&self.control), self.pictures.clone());
        let run = move || decode::run(healing, &units, &pictures, &board, &control);
        self.workers.push(Worker::start("decode", run)?);
        Ok(())
    }

    /// Starts to look after the cards until `ending` is closed.
    fn start_radio(&self, wanted: Wanted, ending: &Arc<Queue<()>>) -> Result<Worker> {
        let newcomers = Newcomers::new(wanted, Arc::clone(&self.joining));
        let (board, ending) = (Arc::clone(&self.board), Arc::clone(ending));
        Worker::start("radio", move || radio::run(newcomers, &board, &ending))
    }

    /// Starts the link, which takes the outlets.
    fn start_link(
        &mut self,
        args: &Args,
        (airs, relays): (Vec<Box<dyn CaptureAir>>, Option<Relays>),
        names: &Names,
        receiver: DialectReceiver,
        clock: SharedClock,
    ) -> Result<Worker> {
        let started = now();
        let link = Link {
            receiver,
            airs,
            joining: Arc::clone(&self.joining),
            relays,
            outlets: std::mem::take(&mut self.outlets),
            board: Arc::clone(&self.board),
            control: Arc::clone(&self.control),
            time: if args.as_fast_as_possible { Time::Recorded(started) } else { Time::Real },
            are_recordings: names.are_recordings(),
            until: args.duration.map(|duration| started + duration),
            latency_budget: args.latency_budget,
            clock,
        };
        Worker::start("link", move || link.run())
    }

    /// Waits for everything behind the link; returns how many access units were left behind unwritten.
    fn wait(&self) -> u64 {
        let hang = self.recordings.iter().filter(|(worker, _)| !worker.wait_unless_stopping(&self.control));
        // What waits in its queue, and the one it hangs in.
        let unwritten = hang.map(|(_, units)| units.queued() as u64 + 1).sum();
        self.board.with(|seen| seen.outputs.units_not_written += unwritten);
        for worker in &self.workers {
            worker.wait_unless_stopping(&self.control);
        }
        unwritten
    }

    /// How the program ended, when all else has.
    fn verdict(&self, args: &Args, unwritten: u64) -> Result<Ended> {
        if let Some(reason) = self.control.failure() {
            bail!(reason);
        }
        if unwritten > 0 {
            bail!("{unwritten} access units were not written: whoever reads the video did not take them in time");
        }
        let (pictures, outputs, used) = self.board.with(|seen| (seen.pictures, seen.outputs, seen.rx.frames.used));
        match (wants_png(args), pictures.decoded, outputs.png_written) {
            (true, 0, _) => Ok(Ended::WithoutPicture),
            (true, _, 0) => bail!("pictures arrived, and none could be written"),
            _ if used == 0 && !self.control.is_stopping() => {
                bail!("the recording has ended, and nothing in it was of use")
            }
            _ => Ok(Ended::AsAsked),
        }
    }
}

/// The meter that was asked for.
///
/// # Errors
/// The machine gives no random number.
#[cfg_attr(not(feature = "window"), expect(clippy::unnecessary_wraps, reason = "only a window needs one"))]
fn glass(args: &Args, clock: SharedClock) -> Result<Option<Glass>> {
    #[cfg(feature = "window")]
    if args.measure_loop {
        use crate::glass::{code, round::Round};
        let run = getrandom::u32().context("no random number for the codes in the window")? % code::RUNS;
        return Ok(Some(Glass::Round(Box::new(Round::new(run)))));
    }
    let is_shown = args.output.contains(&OutputArg::Window);
    let until = if is_shown && cfg!(feature = "window") { Until::Shown } else { Until::Decoded };
    Ok(args.measure_latency.then(|| Glass::TimeCodes(Box::new(TimeCodes::new(until, clock)))))
}

fn wants_png(args: &Args) -> bool {
    args.output.iter().any(|output| matches!(output, OutputArg::Png(_)))
}
