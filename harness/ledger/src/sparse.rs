//! A list with numbered places of which few or all may be there.

/// Items by number. Where the numbers are dense from 0, as producers and chunks are, an item lies at its own
/// number; else it is searched for. So an absurd number costs one item, and no directory up to it.
#[derive(Clone, Debug)]
pub(crate) struct Sparse<T> {
    numbers: Vec<u16>,
    items: Vec<T>,
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self { numbers: Vec::new(), items: Vec::new() }
    }
}

impl<T: Default> Sparse<T> {
    #[inline]
    fn place(&self, number: u16) -> Result<usize, usize> {
        if self.numbers.get(usize::from(number)) == Some(&number) {
            return Ok(usize::from(number));
        }
        self.numbers.binary_search(&number)
    }

    /// The item of this number, made if it is not there.
    #[inline]
    pub fn entry(&mut self, number: u16) -> &mut T {
        let place = self.place(number).unwrap_or_else(|place| {
            self.numbers.insert(place, number);
            self.items.insert(place, T::default());
            place
        });
        &mut self.items[place]
    }

    /// All items with their numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &T)> {
        self.numbers.iter().copied().zip(&self.items)
    }

    /// What the lists themselves take, in bytes, without what the items own elsewhere.
    pub fn bytes(&self) -> usize {
        self.numbers.capacity() * size_of::<u16>() + self.items.capacity() * size_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_items_in_any_order_of_arrival() {
        let mut sparse = Sparse::<u32>::default();
        for number in [7, 0, u16::MAX, 1, 2, 7, 3] {
            *sparse.entry(number) += u32::from(number) + 1;
        }
        let seen: Vec<_> = sparse.iter().map(|(number, item)| (number, *item)).collect();
        assert_eq!(seen, [(0, 1), (1, 2), (2, 3), (3, 4), (7, 16), (u16::MAX, 65_536)]);
        assert!(sparse.bytes() < 200);
    }
}
