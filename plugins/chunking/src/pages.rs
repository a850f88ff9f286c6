//! Pages of the source, from `document.json`.

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
struct Document {
    #[serde(default)]
    pages: Vec<Page>,
}

#[derive(Debug, Deserialize)]
struct Page {
    number: u32,
    start: usize,
    end: usize,
}

/// Pages in the order of the text; empty for a format without pages.
#[derive(Debug, Default)]
pub struct Pages {
    pages: Vec<Page>,
}

impl Pages {
    /// Reads the pages of `document.json`.
    ///
    /// # Errors
    /// When it is not what `docs/artifacts.md` says.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let mut pages = serde_json::from_slice::<Document>(bytes)?.pages;
        pages.sort_by_key(|page| (page.start, page.end));
        Ok(Self { pages })
    }

    /// Whether the source has no pages.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Byte offsets where pages start, in order.
    pub fn starts(&self) -> Vec<usize> {
        self.pages.iter().map(|page| page.start).collect()
    }

    /// Numbers of the pages that a range of the text touches.
    pub fn of(&self, start: usize, end: usize) -> Vec<u32> {
        let first = self.pages.partition_point(|page| page.end <= start);
        let touched = self.pages[first..].iter().take_while(|page| page.start < end);
        touched.filter(|page| page.end > page.start).map(|page| page.number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_knows_its_pages() {
        let json = br#"{"format":"pdf","pages":[{"number":1,"start":0,"end":10},{"number":2,"start":10,"end":10},
            {"number":3,"start":10,"end":30}]}"#;
        let pages = Pages::parse(json).unwrap();
        assert_eq!(pages.of(0, 10), [1]);
        assert_eq!(pages.of(9, 11), [1, 3]);
        assert_eq!(pages.of(10, 12), [3]);
        assert!(pages.of(40, 50).is_empty());
    }
}
