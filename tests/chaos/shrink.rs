//! Finds a small storm that fails as a large one did.

/// A storm that can be made smaller.
pub(crate) trait Shrink: Copy {
    /// The storms that are one step smaller, the most helpful one first. Whoever goes on with one of them comes to an end.
    fn smaller(self) -> Vec<Self>;
}

/// The smallest storm that still fails: `storm` itself if none of the smaller ones does.
///
/// Each smaller storm has several tries, because a seed does not decide in which order concurrent requests run, and the search would
/// otherwise end at the first lucky run.
pub(crate) fn smallest<S: Shrink>(storm: S, mut fails: impl FnMut(S) -> bool) -> S {
    let mut smallest = storm;
    while let Some(smaller) = smallest.smaller().into_iter().find(|one| (0..TRIES).any(|_| fails(*one))) {
        smallest = smaller;
    }
    smallest
}

const TRIES: usize = 3;
