use super::*;

const SCALE: u32 = 100;

fn limits() -> PartitionLimits {
    PartitionLimits { read: Rate::new(READ_UNITS, SCALE, 0), write: Rate::new(WRITE_UNITS, SCALE, 0) }
}

fn space(layout: PartitionLayout, splits_collections: bool) -> KeySpace {
    KeySpace::new(layout, splits_collections, limits(), 0)
}

fn item(partition_key: &str, sort: u32) -> KeyPosition {
    KeyPosition::new(partition_key, sort.to_be_bytes().to_vec())
}

/// Writes one unit to each of `items` in turn, `per_second` a second, for so many minutes. Returns how many of the last minute's writes
/// were admitted each second.
fn write(space: &mut KeySpace, items: impl Fn(u64) -> KeyPosition, per_second: u64, minutes: u64) -> u64 {
    let mut admitted = 0;
    for number in 0..minutes * 60 * per_second {
        let now = number * 1_000 / per_second;
        if space.admits(&items(number), Access::Write, limits(), now) {
            space.take(&items(number), Access::Write, 1_000_000, limits(), now);
            admitted += u64::from(number >= (minutes - 1) * 60 * per_second);
        }
    }
    admitted / 60
}

#[test]
fn a_new_table_serves_four_partitions_and_no_more() {
    let mut space = space(PartitionLayout::NewTable, true);
    let any = |number: u64| item(&format!("{number}"), 0);
    assert_eq!(space.len(), 4);
    // 40 units a second with the scale; keys are not spread evenly within a second.
    let admitted = write(&mut space, any, 80, 2);
    assert!((38..=41).contains(&admitted), "{admitted}");
}

#[test]
fn a_hot_table_is_split_until_its_load_is_served() {
    let mut space = space(PartitionLayout::NewTable, true);
    let any = |number: u64| item(&format!("{number}"), 0);
    let admitted = write(&mut space, any, 60, 45);
    assert!(admitted >= 57 && space.len() > 6, "{admitted}, {} partitions", space.len());
}

#[test]
fn a_hot_item_is_alone_in_the_end_and_keeps_one_partitions_units() {
    let mut space = space(PartitionLayout::NewTable, true);
    let one = |_| item("best seller", 0);
    assert_eq!(write(&mut space, one, 40, 60), 10);
    assert!((5..=6).contains(&space.len()), "{} partitions", space.len());
}

#[test]
fn a_collection_is_split_by_sort_key_unless_it_has_a_local_index() {
    let random = |number: u64| item("shop", u32::try_from(number * 7_919 % 1_000).unwrap());
    let admitted = |splits| write(&mut space(PartitionLayout::NewTable, splits), random, 30, 45);
    assert_eq!(admitted(false), 10);
    assert!(admitted(true) >= 25, "{}", admitted(true));
}

#[test]
fn growing_sort_keys_gain_nothing_from_splitting() {
    let mut space = space(PartitionLayout::NewTable, true);
    let growing = |number: u64| item("events", u32::try_from(number).unwrap());
    // At most the last partition is new when a minute begins.
    assert_eq!(write(&mut space, growing, 30, 60), 10);
    assert!(space.len() > 5);
}

#[test]
fn a_key_has_a_partition_of_its_own_where_that_is_asked_for() {
    let mut space = space(PartitionLayout::KeyPerPartition, true);
    let two = |number: u64| item(if number.is_multiple_of(2) { "a" } else { "b" }, 0);
    assert_eq!(write(&mut space, two, 40, 2), 20);
}
