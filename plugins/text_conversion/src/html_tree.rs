//! The tree of a page, no deeper than it may be.
//!
//! The parser looks through the open elements for nearly every tag, so a page of nothing but opened elements would take time by
//! the square of its length. It is fed in pieces, and after each the parser itself is asked how many elements it has to look
//! through: whatever the page does to the tree, that is what costs. What else may grow by the square is counted as work
//! ([`Page::work`]) or done here without: the search for a node among its siblings, and the copy of an option to where a browser
//! shows it. Not bounded here is a single tag of very many attributes, each of which the parser compares with those before it.

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, Tracer, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink as _};
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{Attribute, ExpandedName, ParseOpts, QualName, parse_document};
use markup5ever_rcdom::{Handle, Node, NodeData, RcDom};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::{Rc, Weak};

/// Elements within elements: those that are open, and those that the parser opens again after what closed them. Pages nest under
/// 60, and browsers go no deeper than 512.
const DEPTH_MAX: usize = 1000;

/// Bytes that are parsed before it is seen that the elements are nested too deep: within them time goes by the square.
const PIECE_BYTES: usize = 4 << 10;

/// Elements and attributes above what tags of the page's length can make: an element takes three bytes, an attribute two. Pages
/// that leave some hundreds of `<font>` open make so many, each paragraph anew. Some 100 MiB, in a step of 512 MiB.
const WORK_SPARE: usize = 1 << 20;

/// The page's tree, as a reader without scripts has it.
///
/// # Errors
/// Where its elements are nested more than [`DEPTH_MAX`] levels deep, or are opened again without end, with the reason.
pub fn parse(source: &str) -> Result<Handle, String> {
    let tree_builder = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    let mut parser = parse_document(Page::default(), ParseOpts { tree_builder, ..ParseOpts::default() });
    let (mut rest, mut fed) = (source, 0);
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        fed += piece.len();
        let builder = &parser.tokenizer.sink;
        builder.sink.work_max.set(fed / 2 + WORK_SPARE);
        parser.process(StrTendril::from_slice(piece));
        let builder = &parser.tokenizer.sink;
        let open = Distinct::default();
        builder.trace_handles(&open);
        if open.0.borrow().len() > DEPTH_MAX {
            return Err(format!("its elements are nested more than {DEPTH_MAX} levels deep"));
        }
        if builder.sink.is_too_much() {
            return Err("its elements are left open and opened again without end".into());
        }
        rest = left;
    }
    Ok(parser.finish().document)
}

/// The different nodes that the parser holds: open elements, those that it opens again, the document, its head and a form.
#[derive(Default)]
struct Distinct(RefCell<HashSet<*const Node>>);

impl Tracer for Distinct {
    type Handle = Handle;

    fn trace_handle(&self, node: &Handle) {
        self.0.borrow_mut().insert(Rc::as_ptr(node));
    }
}

/// Builds the tree, and counts what that takes.
#[derive(Default)]
struct Page {
    tree: RcDom,
    /// Elements made, attributes given to them, and siblings looked at.
    work: Cell<usize>,
    /// As much work as the bytes so far may make.
    work_max: Cell<usize>,
}

impl Page {
    fn is_too_much(&self) -> bool {
        self.work.get() > self.work_max.get()
    }

    fn works(&self, more: usize) {
        self.work.set(self.work.get().saturating_add(more));
    }

    /// The parent of a node, and where it is among the children: looked for from the last one, near which the open elements are.
    fn place(&self, node: &Handle) -> Option<(Handle, usize)> {
        let parent = node.parent.take();
        let found = parent.as_ref().and_then(Weak::upgrade);
        node.parent.set(parent);
        let found = found?;
        let (at, count) = {
            let children = found.children.borrow();
            (children.iter().rposition(|child| Rc::ptr_eq(child, node))?, children.len())
        };
        // The last two are free: what is put before a table finds it there, with each tag.
        self.works((count - at).saturating_sub(2));
        Some((found, at))
    }
}

impl TreeSink for Page {
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

    fn create_element(&self, name: QualName, mut attrs: Vec<Attribute>, flags: ElementFlags) -> Handle {
        self.works(1 + attrs.len());
        if self.is_too_much() {
            // The page is refused at the end of the piece, and nobody reads them.
            attrs = Vec::new();
        }
        self.tree.create_element(name, attrs, flags)
    }

    fn create_comment(&self, text: StrTendril) -> Handle {
        self.tree.create_comment(text)
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Handle {
        self.tree.create_pi(target, data)
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.tree.append(parent, child);
    }

    fn append_based_on_parent_node(&self, element: &Handle, before: &Handle, child: NodeOrText<Handle>) {
        match self.place(element) {
            Some(_) => self.append_before_sibling(element, child),
            None => self.append(before, child),
        }
    }

    fn append_doctype_to_document(&self, name: StrTendril, public_id: StrTendril, system_id: StrTendril) {
        self.tree.append_doctype_to_document(name, public_id, system_id);
    }

    fn mark_script_already_started(&self, node: &Handle) {
        self.tree.mark_script_already_started(node);
    }

    fn get_template_contents(&self, target: &Handle) -> Handle {
        self.tree.get_template_contents(target)
    }

    fn same_node(&self, one: &Handle, other: &Handle) -> bool {
        self.tree.same_node(one, other)
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.tree.set_quirks_mode(mode);
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        if let NodeOrText::AppendNode(node) = &child {
            self.remove_from_parent(node);
        }
        // The parser promises that there is a parent.
        let Some((parent, at)) = self.place(sibling) else { return };
        let child = match child {
            NodeOrText::AppendNode(node) => node,
            NodeOrText::AppendText(text) => {
                let children = parent.children.borrow();
                if let Some(NodeData::Text { contents }) = at.checked_sub(1).map(|before| &children[before].data) {
                    contents.borrow_mut().push_tendril(&text);
                    return;
                }
                Node::new(NodeData::Text { contents: RefCell::new(text) })
            }
        };
        child.parent.set(Some(Rc::downgrade(&parent)));
        parent.children.borrow_mut().insert(at, child);
    }

    fn add_attrs_if_missing(&self, target: &Handle, attrs: Vec<Attribute>) {
        if let NodeData::Element { attrs: there, .. } = &target.data {
            self.works(there.borrow().len() + attrs.len());
        }
        if !attrs.is_empty() && !self.is_too_much() {
            self.tree.add_attrs_if_missing(target, attrs);
        }
    }

    fn remove_from_parent(&self, target: &Handle) {
        if let Some((parent, at)) = self.place(target) {
            parent.children.borrow_mut().remove(at);
            target.parent.set(None);
        }
    }

    fn reparent_children(&self, node: &Handle, parent: &Handle) {
        self.tree.reparent_children(node, parent);
    }

    fn is_mathml_annotation_xml_integration_point(&self, node: &Handle) -> bool {
        self.tree.is_mathml_annotation_xml_integration_point(node)
    }

    // `maybe_clone_an_option_into_selectedcontent` is left to do nothing: it would go through the whole list with each option, and
    // of a list of options nothing is read.
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &str) -> Option<String> {
        parse(source).map(|_| ()).err()
    }

    #[test]
    fn nesting_without_end_is_refused_however_it_is_made() {
        // By the square of their number, none would end in an hour.
        for tags in ["<div>", "<b>", "<template>", "<table><tr><td>", "<span><div></span>", "<svg>", "<object>"] {
            let reason = refused(&tags.repeat(200_000));
            assert!(reason.is_some_and(|reason| reason.contains("nested")), "{tags}");
        }
    }

    /// Every sixteenth node is a comment right below the root, however deep the others are.
    #[test]
    fn comments_beside_the_nesting_do_not_hide_it() {
        let comment = "</body><!---->";
        let source = "<div>".repeat(12) + comment + &("<div>".repeat(15) + comment).repeat(1500);
        assert!(refused(&source).is_some_and(|reason| reason.contains("nested")));
    }

    /// `</b>` lifts the element out of the one it closes, four nodes for one level, beside the comments.
    #[test]
    fn elements_that_are_lifted_out_of_others_do_not_hide_it() {
        let (comment, lifted) = ("</body><!---->", "<b><div></b>".repeat(3) + "<div>".repeat(3).as_str());
        let source = "<div>".repeat(12) + comment + &(lifted + comment).repeat(4000);
        assert!(refused(&source).is_some_and(|reason| reason.contains("nested")));
    }

    #[test]
    fn elements_that_are_opened_again_without_end_are_refused() {
        // Each paragraph closes all of them, and what is in it opens them again.
        let left_open: String = (0..900).map(|n| format!("<b id={n}>")).collect();
        let reason = refused(&("<p>".to_owned() + &left_open + &"<p>a".repeat(3000)));
        assert!(reason.is_some_and(|reason| reason.contains("opened again")));
    }

    #[test]
    fn what_is_put_before_a_table_takes_no_time_by_the_square() {
        let tree = parse(&("<body><table>".to_owned() + &"<br>a".repeat(100_000))).unwrap();
        let body = tree.children.borrow()[0].children.borrow()[1].clone();
        let children = body.children.borrow();
        assert_eq!(children.len(), 200_001);
        let name = |node: &Handle| match &node.data {
            NodeData::Element { name, .. } => name.local.to_string(),
            NodeData::Text { contents } => contents.borrow().to_string(),
            _ => String::new(),
        };
        assert_eq!(["br", "a"], [name(&children[199_998]), name(&children[199_999])].each_ref().map(String::as_str));
        assert_eq!(name(&children[200_000]), "table");
    }

    #[test]
    fn options_take_no_time_by_the_square() {
        assert!(parse(&("<select>".to_owned() + &"<option>a</option>".repeat(20_000))).is_ok());
    }

    #[test]
    fn what_is_not_nested_may_be_any_length() {
        for tags in ["<p>a", "<div>a</div>", "<li>a", "<template><b></b></template>", "a<br>", "é"] {
            assert!(parse(&tags.repeat(50_000)).is_ok(), "{tags}");
        }
        assert!(parse(&"<div>".repeat(DEPTH_MAX - 16)).is_ok());
        assert!(refused(&"<div>".repeat(DEPTH_MAX)).is_some());
    }
}
