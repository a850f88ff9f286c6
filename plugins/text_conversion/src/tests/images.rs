//! Pictures within pages and notebooks as files, where the option `include_images` asks for them.

use crate::{convert, run};
use morag_conversion::testdata::source;
use morag_step::Level;
use morag_step::mock::MockTask;
use serde_json::{Value, json};

/// `PNG` and the end of its base64.
const PNG: (&[u8], &str) = (b"\x89PNG\r\n\x1a\nmore", "iVBORw0KGgptb3Jl");
const JPG: (&[u8], &str) = (b"\xff\xd8\xff\xe0more", "/9j/4G1vcmU=");

/// The task after a document was converted with this option.
fn converted(name: &str, text: &str, option: &str) -> MockTask {
    let task = MockTask::new(name, text).with_option("include_images", option);
    run(&task).unwrap();
    task
}

fn listed(task: &MockTask) -> Value {
    task.json::<Value>("document.json")["images"].clone()
}

#[test]
fn pictures_within_a_page_are_files_where_they_stand() {
    let (png, jpg) = (PNG.1, JPG.1);
    let page = format!(
        "<p>a <img src='data:image/png;base64,{png}' alt='A [logo] | *x*'> b<img src=' DATA:image/jpeg;base64,\n{jpg}'>\
         <table><tr><th>h<th><img alt='1|2' src='data:;base64,{png}'></table>\
         <noscript><img src='data:image/gif;base64,R0lGODlh'></noscript>\
         <img src='data:image/svg+xml;base64,PHN2Zy8+' alt='Drawn'> <img src='b.png' alt='B'> <img the='x' reference='![x](y)' src='data:,'>"
    );
    let task = converted("a.html", &page, "figures");
    assert_eq!(
        task.text("markdown.md"),
        "a ![A \\[logo\\] | \\*x\\*](image-1.png) b![Image 2](image-2.jpg)\n\n\
         | h | ![1\\|2](image-1.png) |\n| - | --- |\n\nDrawn ![B](b.png)\n"
    );
    assert_eq!(
        (task.file("image-1.png").unwrap(), task.file("image-2.jpg").unwrap()),
        (PNG.0.to_vec(), JPG.0.to_vec())
    );
    assert_eq!(listed(&task), json!([{ "file": "image-1.png", "alt": "A [logo] | *x*" }, { "file": "image-2.jpg" }]));
    assert!(task.file("image-3.gif").is_none(), "what is not written has no file");
}

fn notebook() -> String {
    let (png, jpg) = (PNG.1, JPG.1);
    let (start, end) = png.split_at(8);
    json!({ "nbformat": 4, "cells": [
        { "cell_type": "markdown", "source": format!("See ![a *plan*](attachment:a.png \"t\"), ![](data:image/jpeg;base64,{jpg}) and ![x](attachment:gone) ![y](y.png)"),
          "attachments": { "a.png": { "image/png": png } } },
        { "cell_type": "code", "source": "plot()", "outputs": [
            { "output_type": "display_data", "data": { "image/png": [format!("{start}\n"), end], "text/plain": "<Figure size 1x1>" } },
            { "output_type": "execute_result", "data": { "image/jpeg": jpg, "text/plain": "5" } },
            { "output_type": "display_data", "data": { "image/svg+xml": "<svg/>", "text/plain": "<Drawing>" } },
            { "output_type": "pyout", "png": "*", "text": "<Old>" },
        ]},
    ]})
    .to_string()
}

#[test]
fn pictures_of_a_notebook_are_files_where_they_stand() {
    let task = converted("a.ipynb", &notebook(), "figures");
    assert_eq!(
        task.text("markdown.md"),
        "See ![a \\*plan\\*](image-1.png), ![Image 2](image-2.jpg) and  ![y](y.png)\n\n```\nplot()\n```\n\n\
         ![Image 1](image-1.png)\n\n![Image 2](image-2.jpg)\n\n```\n5\n```\n"
    );
    assert_eq!(
        (task.file("image-1.png").unwrap(), task.file("image-2.jpg").unwrap()),
        (PNG.0.to_vec(), JPG.0.to_vec())
    );
    let lines = task.lines.borrow();
    assert_eq!(lines.as_slice(), [(Level::Warn, "1 picture is left out: they are damaged".to_owned())]);
}

#[test]
fn nothing_changes_where_no_figures_are_asked_for() {
    let page = format!("<p>a <img src='data:image/png;base64,{}' alt=Logo>", PNG.1);
    for (name, text) in [("a.html", page.as_str()), ("a.ipynb", &notebook()), ("a.md", "# a"), ("a.txt", "a")] {
        let plain = convert(&source(text.as_bytes(), name)).unwrap();
        let none = converted(name, text, "none");
        assert_eq!(none.text("markdown.md"), plain.markdown, "{name}");
        assert_eq!(none.text("document.json"), plain.document_json().to_string(), "{name}");
        assert!(none.file("image-1.png").is_none());
        assert_eq!(converted(name, text, "pages").text("markdown.md"), plain.markdown, "{name} has no pages to draw");
    }
}

#[test]
fn ten_thousand_pictures_are_two_hundred_files_and_a_warning() {
    // The last letters count: each is another picture.
    let digit = |number: u32| char::from(b'A' + number as u8);
    let one = |number: u32| {
        let last: String = [number / 625, number / 25 % 25, number % 25].map(digit).iter().collect();
        format!("<p>x<img src='data:image/png;base64,iVBORw0KGgo{last}AA'>")
    };
    let page: String = (0..10_000).map(one).collect();
    let task = converted("a.html", &page, "all");
    assert_eq!(listed(&task).as_array().unwrap().len(), 200);
    assert_eq!(task.text("markdown.md").matches("![Image").count(), 200);
    assert!(task.lines.borrow()[0].1.starts_with("9800 pictures are left out: "), "{:?}", task.lines.borrow());
}
