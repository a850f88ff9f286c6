//! Documents for tests, written byte by byte.

use morag_conversion::testdata::zip_of;
use std::io::{Cursor, Write};

const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

fn relations(list: &[(&str, &str, &str)]) -> String {
    let relation = |(id, kind, target): &(&str, &str, &str)| {
        format!(r#"<Relationship Id="{id}" Type="{OFFICE}/{kind}" Target="{target}"/>"#)
    };
    format!("<Relationships>{}</Relationships>", list.iter().map(relation).collect::<String>())
}

/// Slides of these trees of shapes; the first has notes, a chart as `r3` and a table of comments.
pub fn pptx(slides: &[&str]) -> Vec<u8> {
    let list: String = (1..=slides.len()).map(|n| format!(r#"<p:sldId id="{}" r:id="r{n}"/>"#, 255 + n)).collect();
    let main = format!("<p:presentation xmlns:p='p' xmlns:r='r'><p:sldIdLst>{list}</p:sldIdLst></p:presentation>");
    let names: Vec<(String, String)> =
        (1..=slides.len()).map(|n| (format!("r{n}"), format!("slides/slide{n}.xml"))).collect();
    let own: Vec<(&str, &str, &str)> = names.iter().map(|(id, name)| (id.as_str(), "slide", name.as_str())).collect();
    let own = relations(&own);
    let of_first =
        relations(&[("r2", "notesSlide", "../notesSlides/notesSlide1.xml"), ("r3", "chart", "../charts/chart1.xml")]);
    let notes = format!(
        "<p:notes><p:cSld><p:spTree>{}{}</p:spTree></p:cSld></p:notes>",
        shape("body", "Say this"),
        shape("sldNum", "7")
    );
    let points = |values: &[&str]| {
        values
            .iter()
            .zip(0..)
            .map(|(value, at)| format!("<c:pt idx='{at}'><c:v>{value}</c:v></c:pt>"))
            .collect::<String>()
    };
    let chart = format!(
        "<c:chartSpace><c:chart><c:title><a:t>Sales</a:t></c:title><c:plotArea><c:barChart><c:ser><c:tx><c:v>North</c:v></c:tx><c:cat>{}</c:cat><c:val>{}</c:val></c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>",
        points(&["2023", "2024"]),
        points(&["4.2999999999999998", "5"])
    );
    let mut entries: Vec<(String, String)> = vec![
        ("_rels/.rels".into(), relations(&[("r1", "officeDocument", "ppt/presentation.xml")])),
        ("ppt/presentation.xml".into(), main),
        ("ppt/_rels/presentation.xml.rels".into(), own),
        ("ppt/slides/_rels/slide1.xml.rels".into(), of_first),
        ("ppt/notesSlides/notesSlide1.xml".into(), notes),
        ("ppt/charts/chart1.xml".into(), chart),
    ];
    for (slide, number) in slides.iter().zip(1..) {
        let text = format!("<p:sld xmlns:r='r'><p:cSld><p:spTree>{slide}</p:spTree></p:cSld></p:sld>");
        entries.push((format!("ppt/slides/slide{number}.xml"), text));
    }
    pack(&entries)
}

/// A shape in the place of a kind, or in none; a paragraph a line.
pub fn shape(place: &str, text: &str) -> String {
    let place = if place.is_empty() { String::new() } else { format!("<p:ph type='{place}'/>") };
    let lines: String = text.lines().map(|line| format!("<a:p><a:r><a:t>{line}</a:t></a:r></a:p>")).collect();
    format!("<p:sp><p:nvSpPr><p:nvPr>{place}</p:nvPr></p:nvSpPr><p:txBody>{lines}</p:txBody></p:sp>")
}

/// Two slides with all that slides have.
pub fn sample_pptx() -> Vec<u8> {
    let table = "<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tr><a:tc gridSpan='2'><a:txBody><a:p><a:r><a:t>wide</a:t></a:r></a:p></a:txBody></a:tc><a:tc hMerge='1'><a:txBody><a:p/></a:txBody></a:tc></a:tr><a:tr><a:tc><a:txBody><a:p><a:r><a:t>1</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>2</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>";
    let chart =
        "<p:graphicFrame><a:graphic><a:graphicData><c:chart r:id='r3'/></a:graphicData></a:graphic></p:graphicFrame>";
    let equation = "<p:sp><p:txBody><a:p><mc:AlternateContent><mc:Choice><a14:m><m:oMath><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath></a14:m></mc:Choice><mc:Fallback><a:r><a:t>old</a:t></a:r></mc:Fallback></mc:AlternateContent></a:p></p:txBody></p:sp>";
    let first =
        [shape("body", "one\ntwo"), shape("title", "Title"), shape("ftr", "Footer"), chart.into(), equation.into()]
            .concat();
    pptx(&[&first, &format!("<p:grpSp>{}</p:grpSp>{table}", shape("", "In a box"))])
}

/// A workbook with these sheets: name and XML of the rows. Style 1 is a date, 2 a hundredth.
pub fn xlsx(sheets: &[(&str, &str)], texts: &[&str]) -> Vec<u8> {
    let list: String = sheets
        .iter()
        .zip(1..)
        .map(|((name, _), n)| format!(r#"<sheet name="{name}" sheetId="{n}" r:id="s{n}"/>"#))
        .collect();
    let names: Vec<(String, String)> =
        (1..=sheets.len()).map(|n| (format!("s{n}"), format!("worksheets/sheet{n}.xml"))).collect();
    let mut own: Vec<(&str, &str, &str)> =
        names.iter().map(|(id, name)| (id.as_str(), "worksheet", name.as_str())).collect();
    own.extend([("a", "sharedStrings", "sharedStrings.xml"), ("b", "styles", "styles.xml")]);
    let texts: String = texts.iter().map(|text| format!("<si><t>{text}</t><rPh><t>spoken</t></rPh></si>")).collect();
    let mut entries: Vec<(String, String)> = vec![
        ("xl/workbook.xml".into(), format!("<workbook xmlns:r='r'><sheets>{list}</sheets></workbook>")),
        ("xl/_rels/workbook.xml.rels".into(), relations(&own)),
        ("xl/sharedStrings.xml".into(), format!("<sst>{texts}</sst>")),
        (
            "xl/styles.xml".into(),
            "<styleSheet><numFmts><numFmt numFmtId='164' formatCode='yyyy\\-mm\\-dd hh:mm'/></numFmts><cellXfs><xf numFmtId='0'/><xf numFmtId='164'/><xf numFmtId='10'/></cellXfs></styleSheet>".into(),
        ),
    ];
    for ((_, rows), number) in sheets.iter().zip(1..) {
        let text = format!("<worksheet><dimension ref='A1:XFD1048576'/><sheetData>{rows}</sheetData></worksheet>");
        entries.push((format!("xl/worksheets/sheet{number}.xml"), text));
    }
    pack(&entries)
}

/// A workbook with all kinds of cells.
pub fn sample_xlsx() -> Vec<u8> {
    let rows = "<row r='1'><c r='A1' t='s'><v>0</v></c><c r='B1' t='inlineStr'><is><t>When</t></is></c><c r='C1' t='str'><f>A1</f><v>Share</v></c></row>\
                <row r='3'><c r='A3' t='b'><v>1</v></c><c r='B3' s='1'><v>45292.5</v></c><c r='C3' s='2'><f>1/8</f><v>0.125</v></c></row>\
                <row r='4'><c t='e'><v>#N/A</v></c><c><v>0.30000000000000004</v></c></row>";
    xlsx(&[("First", rows), ("Empty", ""), ("Third", "<row><c t='s'><v>1</v></c></row>")], &["Name", "a &amp; b"])
}

/// An OpenDocument file; `body` is what its body holds.
pub fn odf(kind: &str, body: &str) -> Vec<u8> {
    let content = format!(
        "<office:document-content xmlns:office='o'><office:automatic-styles><style:style style:name='B'><style:text-properties fo:font-weight='bold'/></style:style><text:list-style style:name='N'><text:list-level-style-number text:level='1' style:num-format='1' style:num-suffix='.'/><text:list-level-style-number text:level='2' style:num-format='a' style:num-suffix=')'/></text:list-style></office:automatic-styles><office:body>{body}</office:body></office:document-content>"
    );
    let meta = "<office:document-meta><office:meta><dc:title>A title</dc:title><meta:initial-creator>Jane</meta:initial-creator><dc:date>2024-01-10T08:00:00Z</dc:date><meta:keyword>k</meta:keyword><dc:language>fr-FR</dc:language></office:meta></office:document-meta>";
    let equation = "<math><mfrac><mi>a</mi><mi>b</mi></mfrac></math>";
    zip_of(&[
        ("mimetype", format!("application/vnd.oasis.opendocument.{kind}").as_bytes()),
        ("content.xml", content.as_bytes()),
        ("meta.xml", meta.as_bytes()),
        ("Object 1/content.xml", equation.as_bytes()),
    ])
}

/// A text with all that texts have.
pub fn sample_odt() -> Vec<u8> {
    let cell = |text: &str| format!("<table:table-cell><text:p>{text}</text:p></table:table-cell>");
    let body = format!(
        "<office:text><text:h text:outline-level='2'>Head</text:h><text:p>A <text:span text:style-name='B'>bold</text:span><text:s text:c='2'/>word<text:note text:note-class='footnote'><text:note-citation>1</text:note-citation><text:note-body><text:p>The note</text:p></text:note-body></text:note> and <draw:frame><draw:object xlink:href='./Object 1'/></draw:frame></text:p>\
         <text:list text:style-name='N'><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>sub</text:p></text:list-item></text:list></text:list-item><text:list-item><text:p>two</text:p></text:list-item></text:list>\
         <table:table><table:table-row>{}<table:covered-table-cell/></table:table-row><table:table-row>{}{}</table:table-row></table:table>\
         <text:tracked-changes><text:p>gone</text:p></text:tracked-changes></office:text>",
        cell("wide").replace("<table:table-cell>", "<table:table-cell table:number-columns-spanned='2'>"),
        cell("1"),
        cell("2")
    );
    odf("text", &body)
}

/// Sheets whose cells repeat.
pub fn sample_ods() -> Vec<u8> {
    odf(
        "spreadsheet",
        "<office:spreadsheet><table:table table:name='One'><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell table:number-columns-repeated='2' office:value-type='percentage' office:value='0.07'><text:p>7,00 %</text:p></table:table-cell></table:table-row><table:table-row table:number-rows-repeated='1048575'><table:table-cell table:number-columns-repeated='16384'/></table:table-row><table:table-row><table:table-cell office:value-type='date' office:date-value='2024-01-10T00:00:00'><text:p>10.01.24</text:p></table:table-cell><table:table-cell office:value-type='time' office:time-value='PT01H02M03S'><text:p>1:02</text:p></table:table-cell></table:table-row></table:table><table:table table:name='Two'><table:table-row><table:table-cell office:value-type='boolean' office:boolean-value='true'/></table:table-row></table:table></office:spreadsheet>",
    )
}

/// Two slides.
pub fn sample_odp() -> Vec<u8> {
    let frame = |class: &str, text: &str| {
        format!(
            "<draw:frame presentation:class='{class}'><draw:text-box><text:p>{text}</text:p></draw:text-box></draw:frame>"
        )
    };
    let notes =
        format!("<presentation:notes>{}{}</presentation:notes>", frame("notes", "Say this"), frame("header", "no"));
    let body = format!(
        "<office:presentation><draw:page>{}{}{}{notes}</draw:page><draw:page>{}</draw:page></office:presentation>",
        frame("outline", "Text"),
        frame("title", "Title"),
        frame("footer", "no"),
        frame("", "box")
    );
    odf("presentation", &body)
}

/// A book with these chapters, after its table of contents.
pub fn epub(chapters: &[&str], more: &[(&str, &[u8])]) -> Vec<u8> {
    let items: String = (1..=chapters.len()).map(|n| format!("<item id='c{n}' href='text/c%20{n}.xhtml'/>")).collect();
    let spine: String = (1..=chapters.len()).map(|n| format!("<itemref idref='c{n}'/>")).collect();
    let opf = format!(
        "<package><metadata xmlns:dc='dc'><dc:title>A book</dc:title><dc:creator>Jo</dc:creator><dc:creator>Al</dc:creator><dc:language>en</dc:language><dc:date>2020-05-06</dc:date><meta property='dcterms:modified'>2021-01-02T03:04:05Z</meta></metadata><manifest><item id='nav' href='nav.xhtml' properties='nav'/>{items}</manifest><spine><itemref idref='nav'/>{spine}</spine></package>"
    );
    let names: Vec<String> = (1..=chapters.len()).map(|n| format!("OPS/text/c {n}.xhtml")).collect();
    let mut entries: Vec<(&str, &[u8])> = vec![
        ("mimetype", b"application/epub+zip"),
        (
            "META-INF/container.xml",
            b"<container><rootfiles><rootfile full-path='OPS/book.opf'/></rootfiles></container>",
        ),
        ("OPS/book.opf", opf.as_bytes()),
        ("OPS/nav.xhtml", b"<html><body><nav><ol><li>Chapter</li></ol></nav></body></html>"),
    ];
    entries.extend(names.iter().zip(chapters).map(|(name, chapter)| (name.as_str(), chapter.as_bytes())));
    entries.extend_from_slice(more);
    zip_of(&entries)
}

/// A book of two chapters.
pub fn sample_epub() -> Vec<u8> {
    epub(
        &[
            "<!DOCTYPE html [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><html><head><title>no</title></head><body><h1>One</h1><p>Text &x; of one.</p></body></html>",
            "<html><body><h1>Two</h1><svg><image href='http://a.example/'/><text>drawn</text></svg><p>Text of two.</p></body></html>",
        ],
        &[],
    )
}

/// A document of Rich Text Format.
pub fn sample_rtf() -> Vec<u8> {
    b"{\\rtf1\\ansi\\ansicpg1250{\\fonttbl{\\f0\\fcharset238 A;}}{\\stylesheet{\\s1 heading 1;}}{\\info{\\title T}}\\pard\\s1 Head\\par\\pard P\\'f8\\'edli\\'9a \\u382?lu\\par\\trowd\\cellx10\\cellx20\\pard\\intbl a\\cell b\\cell\\row\\pard {\\listtext 1.\\tab}item{\\footnote note}\\par}".to_vec()
}

/// An OLE file with these streams.
pub fn ole(streams: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    for (name, bytes) in streams {
        file.create_stream(name).unwrap().write_all(bytes).unwrap();
    }
    file.flush().unwrap();
    file.into_inner().into_inner()
}

/// A document of Word 97 with a heading, a line and a table. `flags` are those of its header.
pub fn sample_doc(flags: u16) -> Vec<u8> {
    let text = b"Head\rText \x13 PAGE \x14five\x15.\ra\x07b\x07\x07\r";
    let mut main = vec![0u8; 0x800 + 512];
    let mut put = |at: usize, bytes: &[u8]| main[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &0xa5ecu16.to_le_bytes());
    put(2, &0xc1u16.to_le_bytes());
    put(0x0a, &(0x0200 | flags).to_le_bytes());
    put(0x4c, &(text.len() as u32).to_le_bytes());
    put(0x400, text);
    // One page of properties: the heading, the line, the table, its end.
    let ends = [0, 5, 25, 29, 30, 31].map(|at: u32| 0x400 + at);
    let page = 0x800;
    ends.iter().enumerate().for_each(|(index, end)| put(page + index * 4, &end.to_le_bytes()));
    let table = [3u8, 0, 0, 0x16, 0x24, 1];
    let row = [5u8, 0, 0, 0x16, 0x24, 1, 0x17, 0x24, 1, 0];
    put(page + 420, &table);
    put(page + 440, &row);
    for (index, place) in [200u8, 0, 210, 220, 0].into_iter().enumerate() {
        put(page + 24 + index * 13, &[place]);
    }
    put(page + 400, &[2, 1, 0, 0]);
    put(page + 511, &[5]);
    let mut tables = vec![2u8];
    tables.extend(16u32.to_le_bytes());
    tables.extend(0u32.to_le_bytes());
    tables.extend((text.len() as u32).to_le_bytes());
    tables.extend([0, 0]);
    tables.extend((0x4000_0000u32 | (0x400 * 2)).to_le_bytes());
    tables.extend([0, 0]);
    put(0x01a2, &0u32.to_le_bytes());
    put(0x01a6, &(tables.len() as u32).to_le_bytes());
    put(0x0102, &(tables.len() as u32).to_le_bytes());
    put(0x0106, &12u32.to_le_bytes());
    tables.extend(0x400u32.to_le_bytes());
    tables.extend(0x41fu32.to_le_bytes());
    tables.extend(4u32.to_le_bytes());
    ole(&[("/WordDocument", &main), ("/1Table", &tables)])
}

/// Records of a workbook: number and data of each.
pub fn records(list: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let record =
        |(kind, data): &(u16, Vec<u8>)| [&kind.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), data].concat();
    list.iter().flat_map(record).collect()
}

/// A workbook of Excel 97; `more` are records of the workbook.
pub fn sample_xls(more: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let cell = |row: u16, column: u16, style: u16, value: &[u8]| {
        [&row.to_le_bytes()[..], &column.to_le_bytes(), &style.to_le_bytes(), value].concat()
    };
    let sheet = [
        (0x00fd, cell(0, 0, 0, &0u32.to_le_bytes())),
        (0x0203, cell(0, 1, 1, &45_292.0f64.to_le_bytes())),
        (0x027e, cell(1, 0, 0, &(1234u32 << 2 | 3).to_le_bytes())),
        (0x0006, cell(1, 1, 0, &[0, 0, 0, 0, 0, 0, 0xff, 0xff])),
        (0x0207, [&[5, 0, 0][..], b"given"].concat()),
        (0x0205, cell(0xffff, 0xff, 0, &[7, 1])),
    ];
    xls(more, &sheet)
}

/// A workbook of Excel 97 with one sheet, by the records of both without their beginnings and ends.
pub fn xls(more: &[(u16, Vec<u8>)], sheet: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let style = |format: u16| [&[0, 0][..], &format.to_le_bytes(), &[0; 16]].concat();
    let globals = |at: u32| {
        let mut list = vec![(0x0809, vec![0, 6, 5, 0])];
        list.extend_from_slice(more);
        list.extend([
            (0x0085, [&at.to_le_bytes()[..], &[0, 0, 4, 0], b"Data"].concat()),
            (0x00e0, style(0)),
            (0x00e0, style(14)),
            (0x00fc, [&[1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0][..], b"Na"].concat()),
            (0x003c, [&[1][..], &[b'm', 0, b'e', 0]].concat()),
            (0x000a, vec![]),
        ]);
        records(&list)
    };
    let at = globals(0).len() as u32;
    let sheet = [records(&[(0x0809, vec![0, 6, 0x10, 0])]), records(sheet), records(&[(0x000a, vec![])])].concat();
    ole(&[("/Workbook", &[globals(at), sheet].concat())])
}

/// Slides of PowerPoint 97; `token` is that of its user's stream.
pub fn sample_ppt(token: u32) -> Vec<u8> {
    let record = |kind: u16, head: u16, data: &[u8]| {
        [&head.to_le_bytes()[..], &kind.to_le_bytes(), &(data.len() as u32).to_le_bytes(), data].concat()
    };
    let wide: Vec<u8> = "één\rtwee".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let slides = [
        record(1011, 0, &[0; 20]),
        record(3999, 0, &0u32.to_le_bytes()),
        record(4008, 0, b"Title"),
        record(3999, 0, &1u32.to_le_bytes()),
        record(4000, 0, &wide),
        record(1011, 0, &[0; 20]),
    ];
    let document = record(1000, 15, &record(4080, 15, &slides.concat()));
    let user = [&[0u8; 12][..], &token.to_le_bytes(), &u32::MAX.to_le_bytes()].concat();
    ole(&[("/PowerPoint Document", &document), ("/Current User", &user)])
}

fn pack(entries: &[(String, String)]) -> Vec<u8> {
    let entries: Vec<(&str, &[u8])> = entries.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    zip_of(&entries)
}

/// A zip with further parts, which take the place of those of the same name.
pub fn with_parts(zip: &[u8], parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        if !parts.iter().any(|(own, _)| *own == name) {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            entries.push((name, bytes));
        }
    }
    let kept = entries.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let entries: Vec<(&str, &[u8])> = kept.chain(parts.iter().copied()).collect();
    zip_of(&entries)
}

/// A zip with every part changed.
pub fn in_zip(zip: &[u8], change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        let name = entry.name().unwrap().into_owned();
        // What says which format it is stays.
        let bytes = if name == "mimetype" || bytes.is_empty() { bytes } else { change(&bytes) };
        entries.push((name, bytes));
    }
    let entries: Vec<(&str, &[u8])> = entries.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    zip_of(&entries)
}

/// An OLE file with every stream changed.
pub fn in_ole(bytes: &[u8], change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut file = cfb::CompoundFile::open(Cursor::new(bytes)).unwrap();
    let names: Vec<String> =
        file.walk().filter(cfb::Entry::is_stream).map(|entry| entry.path().display().to_string()).collect();
    let mut streams = Vec::new();
    for name in names {
        let mut stream = Vec::new();
        std::io::Read::read_to_end(&mut file.open_stream(&name).unwrap(), &mut stream).unwrap();
        streams.push((name, change(&stream)));
    }
    let streams: Vec<(&str, &[u8])> = streams.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    ole(&streams)
}
