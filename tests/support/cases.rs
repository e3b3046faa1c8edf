//! How many random inputs a property test gets.

/// The settings of a property test: `cases` random inputs, or `PROPTEST_CASES` if that is more.
/// A failure prints the smallest input.
pub(crate) fn made_up(cases: u32) -> proptest::test_runner::Config {
    let standard = proptest::test_runner::Config::default();
    proptest::test_runner::Config {
        // The default is 256 unless `PROPTEST_CASES` is set.
        cases: if standard.cases == 256 {
            cases
        } else {
            standard.cases.max(cases)
        },
        failure_persistence: None,
        max_shrink_iters: 300,
        ..standard
    }
}
