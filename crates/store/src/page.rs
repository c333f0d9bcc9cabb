//! Pages that are bounded in bytes as well as in items.

/// Bytes of a page, but for one that one item alone fills.
pub(crate) const BYTES: i64 = 8 << 20;

/// The first of them: at most so many, as many as keep each sum of their sizes within its bound, and at least one.
pub(crate) fn fitting<T, const N: usize>(
    candidates: &[T],
    most: usize,
    bounds: [i64; N],
    sizes: impl Fn(&T) -> [i64; N],
) -> &[T] {
    let mut sums = [0; N];
    let fits = |(n, candidate): &(usize, &T)| {
        for (sum, size) in sums.iter_mut().zip(sizes(candidate)) {
            *sum += size;
        }
        *n == 0 || (*n < most && sums.iter().zip(bounds).all(|(sum, bound)| *sum <= bound))
    };
    &candidates[..candidates.iter().enumerate().take_while(fits).count()]
}
