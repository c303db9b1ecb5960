//! A list in pages of 1024, which grows without ever copying more than one page: a swarm of a million peers grows as fast as a
//! small one.

const PAGE: usize = 1024;

/// A list of plain values.
#[derive(Debug)]
pub(crate) struct Pages<T> {
    pages: Vec<Vec<T>>,
    len: usize,
}

impl<T: Copy> Pages<T> {
    pub(crate) const fn new() -> Self {
        Self { pages: Vec::new(), len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, position: usize) -> T {
        self.pages[position / PAGE][position % PAGE]
    }

    /// The values from a position to another one of the same page.
    pub(crate) fn slice(&self, from: usize, to: usize) -> &[T] {
        &self.pages[from / PAGE][from % PAGE..][..to - from]
    }

    pub(crate) fn set(&mut self, position: usize, value: T) {
        self.pages[position / PAGE][position % PAGE] = value;
    }

    pub(crate) fn swap(&mut self, one: usize, two: usize) {
        let value = self.get(one);
        self.set(one, self.get(two));
        self.set(two, value);
    }

    pub(crate) fn push(&mut self, value: T) {
        if self.len.is_multiple_of(PAGE) {
            // The first page of a small list grows by an eighth at a time, so it wastes little; the others are whole at once.
            self.pages.push(Vec::with_capacity(if self.len == 0 { 2 } else { PAGE }));
        }
        let page = &mut self.pages[self.len / PAGE];
        if page.len() == page.capacity() {
            page.reserve_exact((page.len() / 8).max(2).min(PAGE - page.len()));
        }
        page.push(value);
        self.len += 1;
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let page = self.pages.last_mut()?;
        let value = page.pop();
        if page.is_empty() {
            self.pages.pop();
        } else if self.len < PAGE && page.capacity() > 16 && page.len() * 2 < page.capacity() {
            page.shrink_to(page.len() + page.len() / 8);
        }
        self.len -= 1;
        value
    }

    /// How many pages there are.
    pub(crate) fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Gives the last page back with all that it holds, for one who needs the list no more; false where there is none.
    pub(crate) fn give_page_back(&mut self) -> bool {
        let page = self.pages.pop();
        self.len = self.pages.len() * PAGE;
        page.is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_one_list() {
        let mut pages = Pages::new();
        for number in 0..5000 {
            pages.push(number);
        }
        pages.swap(3, 4999);
        assert_eq!((pages.get(3), pages.get(4999), pages.len()), (4999, 3, 5000));
        assert_eq!((pages.iter().count(), pages.slice(2040, 2048)), (5000, &pages.pages[1][1016..]));
        assert_eq!(pages.pop(), Some(3));
        for number in (0..4999).rev() {
            assert_eq!(pages.pop(), Some(if number == 3 { 4999 } else { number }));
        }
        assert_eq!((pages.pop(), pages.len()), (None, 0));
    }
}
