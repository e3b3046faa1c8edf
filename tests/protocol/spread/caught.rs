//! Wrong variants of the protocol: each breaks the property that its rule protects.

use stateright::{Checker as _, Model as _};

use super::table::Write;
use super::world::{Rule, World};
use super::{collected, described, described_again, grown, last_piece, moved};

#[track_caller]
fn check(rule: Rule, world: World, property: &'static str) {
    let world = World { rule, ..world };
    let checker = world.checker().spawn_bfs().join();
    let path = checker.discovery(property);
    assert!(path.is_some(), "{rule:?} does not break: {property}");
}

const EARLY: &str = "nobody is refused early";

#[test]
fn refusing_on_one_shard_is_caught() {
    check(Rule::RefusesOnOneShard, moved(), EARLY);
}

#[test]
fn one_collect_is_caught() {
    check(Rule::OneCollect, last_piece(), EARLY);
}

#[test]
fn judging_what_is_available_is_caught() {
    check(Rule::AvailableJudged, moved(), EARLY);
}

#[test]
fn a_move_that_is_not_counted_is_caught() {
    let property = "the books of each shard add up";
    check(Rule::LevelledForgotten, collected(), property);
}

#[test]
fn a_donor_without_a_condition_is_caught() {
    let property = "no number is negative";
    check(Rule::DonorsConditionDropped, collected(), property);
}

#[test]
fn a_hint_that_is_taken_for_truth_is_caught() {
    check(Rule::HintForTruth, grown(1), EARLY);
}

#[test]
fn a_shard_that_refuses_by_its_own_terms_is_caught() {
    let world = World {
        buyers: vec![described().buyers[1]],
        ..described()
    };
    check(Rule::ShardRefusesByItself, world, EARLY);
}

#[test]
fn a_description_that_is_answered_before_all_shards_follow_is_caught() {
    let property = "after its answer, a description is everywhere";
    check(Rule::AnsweredBeforeAllFollowed, described(), property);
}

#[test]
fn a_shard_that_goes_back_to_older_terms_is_caught() {
    // A copy of what an older description sent is still under way.
    let property = "after its answer, a description is everywhere";
    let world = World {
        late: vec![Write::Follow {
            shard: 1,
            details: 0,
        }],
        ..described()
    };
    check(Rule::FollowConditionDropped, world, property);
}

#[test]
fn fewer_shards_than_before_are_caught() {
    check(Rule::FewerShards, described_again(), EARLY);
}

#[test]
fn an_order_without_its_records_condition_is_caught() {
    check(
        Rule::RecordConditionDropped,
        collected(),
        "a key has one effect",
    );
}
