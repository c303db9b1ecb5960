//! Whatever the bytes are, the scanner reads or refuses them, and what it accepts keeps its promises.
#![no_main]

use largesse_metainfo::{Limits, rewrite, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let report = scan(bytes, &limits);
    for problem in report.warnings.iter().chain(&report.refusals) {
        assert!(problem.offset <= bytes.len(), "an offset lies past the end");
        assert!(problem.message.len() < 2_000, "a message is long");
        assert!(!problem.message.chars().any(char::is_control), "a message holds a control character");
    }
    assert!(report.is_accepted() || !report.refusals.is_empty(), "neither accepted nor refused");
    let Some(metainfo) = report.metainfo.as_ref().filter(|_| report.is_accepted()) else {
        return;
    };
    assert!(metainfo.v1.is_some() || metainfo.v2.is_some());
    assert_eq!(metainfo.files.iter().map(|file| file.size_bytes).sum::<u64>(), metainfo.size_bytes);
    assert!(metainfo.size_bytes > 0 && i64::try_from(metainfo.size_bytes).is_ok());
    for file in &metainfo.files {
        assert!(
            file.path.split('/').all(|part| !matches!(part, "" | "." | "..")),
            "an unsafe path was accepted"
        );
    }
    let tiers = vec![vec!["http://[::1]/announce".to_owned()]];
    let copy = rewrite(bytes, &tiers, Some(&[]), &limits).expect("an accepted file can be rewritten");
    let again = scan(&copy, &limits);
    let read = again.metainfo.as_ref().expect("a rewritten file can be read");
    assert!(again.is_accepted(), "a rewritten file is refused");
    assert_eq!(copy[read.info_span.clone()], bytes[metainfo.info_span.clone()]);
    assert_eq!((&read.v1, &read.v2, &read.files), (&metainfo.v1, &metainfo.v2, &metainfo.files));
    assert_eq!((&read.announce, read.web_seeds.len()), (&tiers, 0));
});
