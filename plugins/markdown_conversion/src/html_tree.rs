//! The tree of a page, no deeper than it may be.
//!
//! The parser looks through the open elements for nearly every tag, so a page of nothing but opened elements would take time by
//! the square of its length. It is fed in pieces, and stopped where the tree gets too deep.

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink as _};
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{Attribute, ExpandedName, ParseOpts, QualName, parse_document};
use markup5ever_rcdom::{Handle, Node, RcDom};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

/// Elements within elements. Pages nest under 60, and browsers go no deeper than 512.
const DEPTH_MAX: usize = 1000;

/// Elements from one look at the depth to the next.
const LOOK_EVERY: usize = 16;

/// Bytes that are parsed before it is seen that the tree is too deep.
const PIECE_BYTES: usize = 16 << 10;

/// The page's tree, as a reader without scripts has it.
///
/// # Errors
/// Where it is too deep, with the reason.
pub fn parse(source: &str) -> Result<Handle, String> {
    let too_deep = Rc::new(Cell::new(false));
    let tree_builder = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    let sink = Shallow::new(Rc::clone(&too_deep));
    let mut parser = parse_document(sink, ParseOpts { tree_builder, ..ParseOpts::default() });
    let mut rest = source;
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        parser.process(StrTendril::from_slice(piece));
        if too_deep.get() {
            return Err(format!("its elements are nested more than {DEPTH_MAX} levels deep"));
        }
        rest = left;
    }
    Ok(parser.finish().document)
}

/// Builds the tree, and says when it is too deep.
struct Shallow {
    tree: RcDom,
    too_deep: Rc<Cell<bool>>,
    /// Elements since the last look.
    unseen: Cell<usize>,
    /// The template of each template's content, which has no parent of its own.
    templates: RefCell<HashMap<*const Node, Weak<Node>>>,
}

impl Shallow {
    fn new(too_deep: Rc<Cell<bool>>) -> Self {
        Self { tree: RcDom::default(), too_deep, unseen: Cell::new(0), templates: RefCell::default() }
    }

    fn look(&self, parent: &Handle, child: &NodeOrText<Handle>) {
        if matches!(child, NodeOrText::AppendText(_)) {
            return;
        }
        self.unseen.set(self.unseen.get() + 1);
        if self.unseen.get() == LOOK_EVERY {
            self.unseen.set(0);
            let mut above = Some(Rc::clone(parent));
            for _ in 0..DEPTH_MAX {
                let Some(node) = above else { return };
                above = self.parent(&node);
            }
            self.too_deep.set(true);
        }
    }

    fn parent(&self, node: &Handle) -> Option<Handle> {
        let parent = node.parent.take();
        let found = parent.as_ref().and_then(Weak::upgrade);
        node.parent.set(parent);
        found.or_else(|| self.templates.borrow().get(&Rc::as_ptr(node))?.upgrade())
    }
}

impl TreeSink for Shallow {
    type Handle = Handle;
    type Output = RcDom;
    type ElemName<'a> = ExpandedName<'a>;

    fn finish(self) -> RcDom {
        self.tree
    }

    /// Browsers do not tell of them either; a list of them would take more memory than the page.
    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Handle {
        self.tree.get_document()
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> ExpandedName<'a> {
        self.tree.elem_name(target)
    }

    fn create_element(&self, name: QualName, attrs: Vec<Attribute>, flags: ElementFlags) -> Handle {
        self.tree.create_element(name, attrs, flags)
    }

    fn create_comment(&self, text: StrTendril) -> Handle {
        self.tree.create_comment(text)
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Handle {
        self.tree.create_pi(target, data)
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.look(parent, &child);
        self.tree.append(parent, child);
    }

    fn append_based_on_parent_node(&self, element: &Handle, before: &Handle, child: NodeOrText<Handle>) {
        self.look(element, &child);
        self.tree.append_based_on_parent_node(element, before, child);
    }

    fn append_doctype_to_document(&self, name: StrTendril, public_id: StrTendril, system_id: StrTendril) {
        self.tree.append_doctype_to_document(name, public_id, system_id);
    }

    fn mark_script_already_started(&self, node: &Handle) {
        self.tree.mark_script_already_started(node);
    }

    fn get_template_contents(&self, target: &Handle) -> Handle {
        let contents = self.tree.get_template_contents(target);
        self.templates.borrow_mut().entry(Rc::as_ptr(&contents)).or_insert_with(|| Rc::downgrade(target));
        contents
    }

    fn same_node(&self, one: &Handle, other: &Handle) -> bool {
        self.tree.same_node(one, other)
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.tree.set_quirks_mode(mode);
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        self.look(sibling, &child);
        self.tree.append_before_sibling(sibling, child);
    }

    fn add_attrs_if_missing(&self, target: &Handle, attrs: Vec<Attribute>) {
        self.tree.add_attrs_if_missing(target, attrs);
    }

    fn remove_from_parent(&self, target: &Handle) {
        self.tree.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &Handle, parent: &Handle) {
        self.tree.reparent_children(node, parent);
    }

    fn is_mathml_annotation_xml_integration_point(&self, node: &Handle) -> bool {
        self.tree.is_mathml_annotation_xml_integration_point(node)
    }

    fn maybe_clone_an_option_into_selectedcontent(&self, option: &Handle) {
        self.tree.maybe_clone_an_option_into_selectedcontent(option);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_without_end_is_refused_however_it_is_made() {
        // By the square of their number, none would end in an hour.
        for tags in ["<div>", "<b>", "<template>", "<table><tr><td>", "<span><div></span>", "<svg>"] {
            let refused = parse(&tags.repeat(200_000)).map(|_| ());
            assert!(refused.is_err_and(|reason| reason.contains("nested")), "{tags}");
        }
    }

    #[test]
    fn what_is_not_nested_may_be_any_length() {
        for tags in ["<p>a", "<div>a</div>", "<li>a", "<template><b></b></template>", "a<br>", "é"] {
            assert!(parse(&tags.repeat(50_000)).is_ok(), "{tags}");
        }
        assert!(parse(&"<div>".repeat(DEPTH_MAX - LOOK_EVERY)).is_ok());
    }
}
