//! Tables under version control: results that are numbers, compared exactly.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Set to write the tables instead of comparing them.
const WRITE: &str = "SKYLARK_WRITE_TABLES";

/// Compares a table with the one recorded as `tests/tables/NAME`.
///
/// # Panics
/// If they differ, with the first line that does.
pub fn compare(name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tables").join(name);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, table).expect("the table can be written");
        return;
    }
    let recorded = std::fs::read_to_string(&path).unwrap_or_default();
    let mut lines = recorded.lines();
    for (number, line) in table.lines().enumerate() {
        let expected = lines.next().unwrap_or("(nothing)");
        assert_eq!(
            line,
            expected,
            "{}:{}: left is found, right is recorded; {WRITE}=1 writes it anew",
            path.display(),
            number + 1
        );
    }
    assert_eq!(lines.next(), None, "{} has more rows than were found", path.display());
}

/// What `work` makes of each item, in their order, by as many threads as there are cores.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, item)) = items.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(item);
                    done.lock().expect("no worker panics while it holds the lock").push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no worker panics while it holds the lock");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
