//! Whatever happens to a good file, the scanner reads or refuses it, and never panics.

use largesse_metainfo::{Limits, rewrite, scan};
use proptest::prelude::*;

/// Good files of each kind, the seeds of the fuzzer.
const SEEDS: [&[u8]; 6] = [
    include_bytes!("../../../fuzz/corpus/metainfo/v1-files"),
    include_bytes!("../../../fuzz/corpus/metainfo/v1-padding"),
    include_bytes!("../../../fuzz/corpus/metainfo/v1-symlink"),
    include_bytes!("../../../fuzz/corpus/metainfo/v1-tree"),
    include_bytes!("../../../fuzz/corpus/metainfo/v2-tree"),
    include_bytes!("../../../fuzz/corpus/metainfo/hybrid"),
];

/// Words that mean something in a .torrent file.
const WORDS: [&[u8]; 14] = [
    b"e",
    b"d",
    b"l",
    b"le",
    b"de",
    b"0:",
    b"i-1e",
    b"i-0e",
    b"i9223372036854775807e",
    b"4:info",
    b"4:attr1:p",
    b"12:symlink path",
    b"2:..",
    b"999999:",
];

fn hold(bytes: &[u8]) {
    let limits = Limits::default();
    let report = scan(bytes, &limits);
    assert!(report.is_accepted() || !report.refusals.is_empty());
    assert!(report.refusals.len() <= 100 && report.warnings.len() <= 100);
    for problem in report.refusals.iter().chain(&report.warnings) {
        assert!(problem.offset <= bytes.len() && !problem.message.is_empty());
    }
    if report.is_accepted() {
        let copy =
            rewrite(bytes, &[vec!["http://[::1]/".to_owned()]], None, &limits).expect("it was scanned");
        let again = scan(&copy, &limits);
        assert!(again.is_accepted(), "{:?}", again.refusals);
        let (one, two) = (report.metainfo.expect("accepted"), again.metainfo.expect("accepted"));
        assert_eq!(bytes[one.info_span], copy[two.info_span]);
        assert_eq!((one.v1, one.v2, one.files), (two.v1, two.v2, two.files));
    }
}

#[test]
fn the_seeds_are_accepted() {
    for seed in SEEDS {
        let report = scan(seed, &Limits::default());
        assert!(report.is_accepted(), "{:?}", report.refusals);
        hold(seed);
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for seed in SEEDS {
        for length in 0..seed.len() {
            assert!(!scan(&seed[..length], &Limits::default()).is_accepted(), "cut at {length}");
        }
    }
}

#[test]
fn limits_are_kept_wherever_they_lie() {
    for seed in SEEDS {
        for limit in 0..40 {
            hold(seed);
            for limits in [
                Limits { depth: limit, ..Limits::default() },
                Limits { tokens: limit, ..Limits::default() },
                Limits { size_bytes: limit, ..Limits::default() },
            ] {
                let report = scan(seed, &limits);
                assert!(report.is_accepted() || !report.refusals.is_empty());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_panic(
        seed in 0..SEEDS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = SEEDS[seed].to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        hold(&bytes);
    }

    #[test]
    fn spliced_words_never_panic(
        seed in 0..SEEDS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..WORDS.len(), 0_usize..12), 1..4),
    ) {
        let mut bytes = SEEDS[seed].to_vec();
        for (at, word, removed) in changes {
            let at = at.index(bytes.len() + 1);
            let end = (at + removed).min(bytes.len());
            bytes.splice(at..end, WORDS[word].iter().copied());
        }
        hold(&bytes);
    }
}
