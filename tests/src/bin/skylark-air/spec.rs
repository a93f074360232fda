//! Receivers, losses and times as the user writes them.

use std::fs;
use std::str::FromStr;

use skylark_common::air::sim::{Loss, ReceiverConfig, Trace};
use skylark_common::options::{duration, duration_or_zero};
use skylark_common::wire::radiotap::MAX_ANTENNAS;

/// The signal of a receiver nothing was said about: near, so that there is room to walk away.
const DEFAULT_SIGNAL_DBM: i8 = -55;

/// A receiver: where its frames go, and how it hears.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReceiverSpec {
    pub(crate) address: String,
    pub(crate) loss: NamedLoss,
    pub(crate) config: ReceiverConfig,
}

/// A loss and what the user calls it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NamedLoss {
    pub(crate) name: String,
    pub(crate) loss: Loss,
}

impl FromStr for ReceiverSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, settings) = text.split_once(',').unwrap_or((text, ""));
        let mut spec = Self {
            address: address.to_owned(),
            loss: "none".parse()?,
            config: ReceiverConfig { signal_dbm: DEFAULT_SIGNAL_DBM, ..ReceiverConfig::default() },
        };
        for setting in split_settings(settings) {
            spec.set(&setting)?;
        }
        spec.config.loss = spec.loss.loss.clone();
        Ok(spec)
    }
}

impl ReceiverSpec {
    fn set(&mut self, setting: &str) -> Result<(), String> {
        let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
        match name {
            "rssi" => self.config.signal_dbm = dbm(value)?,
            "noise" => self.config.noise_dbm = dbm(value)?,
            "loss" => self.loss = value.parse()?,
            "delay" => self.config.delay = duration_or_zero(value)?,
            "antennas" => self.config.antennas = antennas(value)?,
            "damaged" => self.config.damaged_share = share(value)?,
            "errors" => self.config.bit_error_share = share(value)?,
            _ => {
                return Err(format!(
                    "{setting}: expected rssi=, noise=, loss=, delay=, antennas=, damaged= or errors="
                ));
            }
        }
        Ok(())
    }
}

/// Splits at commas; a piece without `=` belongs to the one before it, as the 5 in `loss=burst:10%,5`.
fn split_settings(settings: &str) -> Vec<String> {
    let mut split: Vec<String> = Vec::new();
    for piece in settings.split(',').filter(|piece| !piece.is_empty()) {
        match split.last_mut() {
            Some(last) if !piece.contains('=') => *last = format!("{last},{piece}"),
            _ => split.push(piece.to_owned()),
        }
    }
    split
}

impl FromStr for NamedLoss {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (model, values) = text.split_once(':').unwrap_or((text, ""));
        let loss = match (model, values.split(',').collect::<Vec<_>>().as_slice()) {
            ("none", [""]) => Loss::None,
            ("random", [of]) => Loss::Independent { share: share(of)? },
            ("burst", [of, mean]) => burst(share(of)?, mean)?,
            ("fade", [of, mean]) => fade(share(of)?, mean, 1.0)?,
            ("fade", [of, mean, inside]) => fade(share(of)?, mean, share(inside)?)?,
            ("trace", _) => Loss::Trace(trace(values)?),
            _ => {
                return Err(format!(
                    "loss {text}: expected none, random:10%, burst:10%,5, fade:10%,20ms or trace:FILE"
                ));
            }
        };
        Ok(Self { name: text.to_owned(), loss })
    }
}

fn burst(share: f64, mean: &str) -> Result<Loss, String> {
    let mean_frames: f64 = mean
        .parse()
        .ok()
        .filter(|mean| (1.0..=1e6).contains(mean))
        .ok_or_else(|| format!("a mean burst of {mean} frames, expected a number of at least 1"))?;
    // A burst is followed by at least one frame that is heard.
    let most = mean_frames / (mean_frames + 1.0);
    if share > most {
        return Err(format!(
            "bursts of {mean} frames can lose at most {:.0}%, found {:.0}%",
            most * 100.0,
            share * 100.0
        ));
    }
    Ok(Loss::Bursts { share, mean_frames })
}

fn fade(share: f64, mean: &str, inside: f64) -> Result<Loss, String> {
    let mean = duration(mean)?;
    if share > inside {
        return Err(format!("fades that lose {:.0}% inside cannot lose {:.0}% in all", inside * 100.0, share * 100.0));
    }
    Ok(Loss::Fades { share, mean, inside })
}

fn trace(path: &str) -> Result<Trace, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("trace file {path}: {error}"))?;
    Trace::parse(&text).map_err(|error| format!("trace file {path}: {error}"))
}

/// `10%`, as a share of 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
    let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
    percent.map(|percent| percent / 100.0).ok_or_else(|| format!("{text:?} is no share, expected 0% to 100%"))
}

/// `-55`, in dBm.
pub(crate) fn dbm(text: &str) -> Result<i8, String> {
    let number = text.strip_suffix("dBm").unwrap_or(text).parse().ok();
    number.ok_or_else(|| format!("{text:?} is no power in dBm, expected -128 to 127, such as -55"))
}

fn antennas(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MAX_ANTENNAS).contains(number));
    number.ok_or_else(|| format!("{text:?} antennas, expected 1 to {MAX_ANTENNAS}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn receiver(text: &str) -> ReceiverSpec {
        text.parse().unwrap()
    }

    fn refused(text: &str) -> String {
        text.parse::<ReceiverSpec>().unwrap_err()
    }

    #[test]
    fn an_address_alone_is_a_near_receiver_that_loses_nothing() {
        let spec = receiver("127.0.0.1:5801");
        assert_eq!((spec.address.as_str(), spec.loss.name.as_str()), ("127.0.0.1:5801", "none"));
        assert_eq!(spec.config, ReceiverConfig { signal_dbm: -55, ..ReceiverConfig::default() });
    }

    #[test]
    fn settings_follow_after_commas_and_may_have_commas_inside() {
        let spec =
            receiver("[::1]:5801,loss=burst:10%,5,rssi=-61dBm,noise=-90,delay=1.5ms,antennas=2,damaged=20%,errors=3%");
        assert_eq!(spec.address, "[::1]:5801");
        assert_eq!(spec.loss.name, "burst:10%,5");
        let expected = ReceiverConfig {
            loss: Loss::Bursts { share: 0.1, mean_frames: 5.0 },
            signal_dbm: -61,
            noise_dbm: -90,
            antennas: 2,
            delay: Duration::from_micros(1500),
            damaged_share: 0.2,
            bit_error_share: 0.03,
        };
        assert_eq!(spec.config, expected);
    }

    #[test]
    fn every_loss_is_written_as_it_is_shown() {
        let loss = |text: &str| text.parse::<NamedLoss>().unwrap().loss;
        assert_eq!(loss("none"), Loss::None);
        assert_eq!(loss("random:2.5%"), Loss::Independent { share: 0.025 });
        let mean = Duration::from_millis(20);
        assert_eq!(loss("fade:10%,20ms"), Loss::Fades { share: 0.1, mean, inside: 1.0 });
        assert_eq!(loss("fade:10%,20ms,90%"), Loss::Fades { share: 0.1, mean, inside: 0.9 });
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_was_expected() {
        assert_eq!(refused("h:1,loss=random:10"), "\"10\" is no share, expected 0% to 100%");
        assert_eq!(refused("h:1,loss=random:101%"), "\"101%\" is no share, expected 0% to 100%");
        assert_eq!(refused("h:1,loss=random:NaN%"), "\"NaN%\" is no share, expected 0% to 100%");
        assert!(refused("h:1,loss=gauss").contains("expected none, random:10%"));
        assert!(refused("h:1,loss=burst:10%").contains("expected none, random:10%"));
        assert!(refused("h:1,loss=burst:10%,0").contains("at least 1"));
        assert_eq!(refused("h:1,loss=burst:90%,5"), "bursts of 5 frames can lose at most 83%, found 90%");
        assert_eq!(refused("h:1,loss=fade:50%,20ms,40%"), "fades that lose 40% inside cannot lose 50% in all");
        assert!(refused("h:1,loss=trace:/nowhere").starts_with("trace file /nowhere: No such file"));
        assert!(refused("h:1,rssi=-200").contains("expected -128 to 127"));
        assert!(refused("h:1,antennas=5").contains("expected 1 to 4"));
        assert!(refused("h:1,rsi=-50").starts_with("rsi=-50: expected rssi="));
        assert!(refused("h:1,delay=10").contains("expected a time"));
        assert!(refused("h:1,delay=-1ms").contains("expected a time"));
    }
}
