//! The option `include_images`.

/// Which pictures of a document are files of the task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    /// Pictures that the document holds.
    pub figures: bool,
    /// Its pages, drawn.
    pub pages: bool,
}

impl Include {
    /// Of the option's text: `figures`, `pages` or `all`. Anything else is none: the API has refused what is not documented.
    pub fn of(option: &str) -> Self {
        Self { figures: matches!(option, "figures" | "all"), pages: matches!(option, "pages" | "all") }
    }

    /// Whether anything is asked for.
    pub fn any(self) -> bool {
        self.figures || self.pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_pages_are_asked_for_apart_or_together() {
        let of = |option| (Include::of(option).figures, Include::of(option).pages);
        assert_eq!((of("figures"), of("pages"), of("all")), ((true, false), (false, true), (true, true)));
        for none in ["none", "", "Figures", "yes"] {
            assert!(!Include::of(none).any(), "{none}");
        }
    }
}
