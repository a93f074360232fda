//! What the terminal shows: the air, each receiver, the keys.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Gauge, Paragraph, Sparkline};

use crate::control::Control;
use crate::history::History;
use crate::keys::HELP;

/// The ends of the signal bar, in dBm: no rate is read below, nothing changes above.
const BAR_DBM: (f64, f64) = (-100.0, -20.0);

/// Rows of one receiver: its frame, signal, counts, losses.
const RECEIVER_ROWS: u16 = 6;

/// All that is shown.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) listen: &'a str,
    pub(crate) running: Duration,
    pub(crate) controls: &'a [Control],
    pub(crate) chosen: usize,
    pub(crate) history: &'a History,
}

/// Draws everything.
pub(crate) fn draw(frame: &mut Frame<'_>, shown: &Shown<'_>) {
    let rows = shown.controls.iter().map(|_| Constraint::Length(RECEIVER_ROWS));
    let rows = std::iter::once(Constraint::Length(3)).chain(rows);
    let [body, help] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(frame.area());
    let areas = Layout::vertical(rows).split(body);
    let Some((air, receivers)) = areas.split_first() else { return };
    draw_air(frame, *air, shown);
    for (card, area) in receivers.iter().enumerate() {
        draw_receiver(frame, *area, card, shown);
    }
    frame.render_widget(Paragraph::new(HELP).style(Style::new().fg(Color::Black).bg(Color::Gray)), help);
}

fn draw_air(frame: &mut Frame<'_>, area: Rect, shown: &Shown<'_>) {
    let rates = shown.history.rates();
    let channel = shown.history.latest().map(|latest| latest.channel).unwrap_or_default();
    let seconds = shown.running.as_secs();
    let title = format!(" skylark-air  {}  {}:{:02} ", shown.listen, seconds / 60, seconds % 60);
    let refused = match channel.refused_busy + channel.refused_malformed {
        0 => String::new(),
        refused => format!("  refused {refused}"),
    };
    let label = format!(
        "air {:.0} %   {:.0} frames/s   {:.1} Mbit/s{refused}",
        rates.airtime_share * 100.0,
        rates.frames_per_s,
        rates.bits_per_s / 1e6
    );
    let color = if rates.airtime_share > 0.9 { Color::Red } else { Color::Blue };
    let gauge = Gauge::default().block(Block::bordered().title(title)).gauge_style(color).ratio(rates.airtime_share);
    frame.render_widget(gauge.label(label), area);
}

fn draw_receiver(frame: &mut Frame<'_>, area: Rect, card: usize, shown: &Shown<'_>) {
    let Some(control) = shown.controls.get(card) else { return };
    let chosen = card == shown.chosen;
    let border = if chosen { Style::new().fg(Color::Yellow) } else { Style::new().fg(Color::DarkGray) };
    let mark = if chosen { "▸" } else { " " };
    let block = Block::bordered().border_style(border).title(format!(" {mark} rx{} {} ", card + 1, control.address));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let [signal, counts, losses] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1)]).areas(inside);
    draw_signal(frame, signal, control);
    frame.render_widget(Paragraph::new(counts_line(card, control, shown.history)), counts);
    draw_losses(frame, losses, card, shown.history);
}

fn draw_signal(frame: &mut Frame<'_>, area: Rect, control: &Control) {
    let dbm = f64::from(control.signal_dbm);
    let ratio = ((dbm - BAR_DBM.0) / (BAR_DBM.1 - BAR_DBM.0)).clamp(0.0, 1.0);
    let snr_db = i16::from(control.signal_dbm) - i16::from(control.noise_dbm);
    let color = match snr_db {
        _ if control.cut => Color::DarkGray,
        ..10 => Color::Red,
        10..20 => Color::Yellow,
        20.. => Color::Green,
    };
    let label = format!("{} dBm   SNR {snr_db} dB", control.signal_dbm);
    frame.render_widget(Gauge::default().ratio(ratio).label(label).gauge_style(color).use_unicode(true), area);
}

fn counts_line(card: usize, control: &Control, history: &History) -> Line<'static> {
    let stats = history.latest().and_then(|latest| latest.receivers.get(card)).copied().unwrap_or_default();
    let now = match history.loss(card) {
        Some(share) => format!("loses {:.1} %", share * 100.0),
        None => "nothing on the air".to_owned(),
    };
    let alarm = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
    let mut spans = vec![Span::styled(format!("{now:<20}"), Style::new().add_modifier(Modifier::BOLD))];
    spans.push(Span::raw(format!("{:<16}", control.loss.name)));
    spans.push(Span::raw(format!("heard {}  lost {}", stats.heard, stats.lost + stats.damaged + stats.overflowed)));
    if control.cut {
        spans.push(Span::styled("   CUT OFF", alarm));
    }
    if history.unheard(card) {
        spans.push(Span::styled("   nobody listens there", alarm));
    }
    Line::from(spans)
}

fn draw_losses(frame: &mut Frame<'_>, area: Rect, card: usize, history: &History) {
    let losses = history.losses_percent(card);
    let shown = losses.get(losses.len().saturating_sub(usize::from(area.width))..).unwrap_or_default();
    let bars = Sparkline::default().data(shown).max(100).style(Color::Red).absent_value_symbol(" ");
    frame.render_widget(bars, area);
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use skylark_common::air::sim::{ChannelStats, ReceiverStats};

    use super::*;
    use crate::history::{Snapshot, TICK};

    fn screen(width: u16, height: u16, shown: &Shown<'_>) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, shown)).unwrap();
        terminal.backend().to_string()
    }

    fn history() -> History {
        let mut history = History::default();
        for (tick, frames) in [(0, 0), (1, 300)] {
            let channel = ChannelStats {
                injected: frames,
                bytes: frames * 1250,
                airtime: Duration::from_micros(frames * 500),
                ..ChannelStats::default()
            };
            let lost = frames / 10;
            let receiver = ReceiverStats { on_air: frames, heard: frames - lost, lost, ..ReceiverStats::default() };
            history.push(Snapshot { at: TICK * tick, channel, receivers: vec![receiver; 2], unheard: vec![0, frames] });
        }
        history
    }

    #[test]
    fn the_screen_says_what_the_channel_does() {
        let mut controls = ["h:1,loss=random:10%", "h:2,rssi=-90"].map(|spec| Control::new(&spec.parse().unwrap()));
        controls[1].cut = true;
        let history = history();
        let running = Duration::from_secs(75);
        let shown = Shown { listen: "udp:5800", running, controls: &controls, chosen: 0, history: &history };
        let text = screen(100, 20, &shown);
        for part in [
            "skylark-air  udp:5800  1:15",
            "air 60 %   1200 frames/s   12.0 Mbit/s",
            "▸ rx1 h:1",
            "-55 dBm   SNR 40 dB",
            "loses 10.0 %        random:10%      heard 270  lost 30",
            "-90 dBm   SNR 5 dB",
            "CUT OFF",
            "nobody listens there",
            "q quit",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }

    #[test]
    fn the_smallest_terminal_is_survived() {
        let controls = ["h:1"].map(|spec| Control::new(&spec.parse().unwrap()));
        let history = history();
        for (width, height) in [(1, 1), (3, 2), (10, 4)] {
            let shown = Shown { listen: "udp:5800", running: TICK, controls: &controls, chosen: 0, history: &history };
            screen(width, height, &shown);
        }
    }
}
