//! Relays and a viewer in virtual time: one picture whatever relays die, lie or are cut off, and few frames twice.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test begins its virtual time somewhere")]

#[path = "relays/field.rs"]
mod field;

use std::time::{Duration, Instant};

use field::{Field, FieldConfig, handed_at};
use skylark_common::air::sim::Loss;

const SECOND: Duration = Duration::from_secs(1);

fn loses(share: f64) -> Loss {
    Loss::Independent { share }
}

#[test]
fn probe() {
    for (suppresses, share) in [(false, 0.2), (true, 0.2), (false, 0.05), (true, 0.05), (true, 0.0), (true, 0.01)] {
        let config = FieldConfig { relays: vec![vec![loses(share)]; 4], suppresses, ..FieldConfig::default() };
        let mut field = Field::new(config, Instant::now());
        field.run(20 * SECOND);
        field.idle(SECOND);
        let datagrams: u32 = (0..field.pushed.len() as u32).map(|unit| field.config.link.traffic.datagrams(unit)).sum();
        println!("suppresses {suppresses} share {share}: {} of {datagrams}", field.handed.len());
        for relay in &field.relays {
            println!("  {:?}", relay.forwarder.stats(field.now));
        }
        for stats in field.stations.stats(field.now) {
            println!("  {:?}", stats);
        }
        println!("reports {}", field.report_bytes);
        let _ = handed_at(&field);
    }
}
