//! Pages of text, drawn as a scanner sees them.

use ab_glyph::{Font, FontVec, PxScale, ScaleFont};

/// Six lines of English.
pub const ENGLISH: [&str; 6] = [
    "The committee met on 24 March 2023 and agreed to raise the annual fee by 12.5 %;",
    "the additional cost is estimated at $1,234,567.89 (gross). Proposals for changes are",
    "to be submitted in writing to the managing director no later than 30 June.",
    "Questions and complaints: Registry, 17a Mill Lane, telephone 0221 47 11-0, or by",
    "e-mail to registry@council.example. Opening hours: Monday to Thursday 8:30-16:00.",
    "Sphinx of black quartz, judge my vow. Pack my box with five dozen liquor jugs.",
];
/// Six lines of German.
pub const GERMAN: [&str; 6] = [
    "Über die Größe und Güte der Straßenbahnhaltestellen in Köln wurde ausführlich",
    "berichtet. Der Ausschuss für Öffentlichkeitsarbeit hat die Vergütung gemäß § 7",
    "Abs. 2 Satz 1 der Gebührenordnung um 12,5 % erhöht; die Mehrkosten betragen",
    "voraussichtlich 1.234.567,89 € (brutto). Änderungsanträge sind schriftlich bis",
    "spätestens 30. Juni beim Geschäftsführer einzureichen. Für Wäschetrockner in den",
    "städtischen Schwimmbädern gelten künftig höhere Anforderungen an die Sicherheit.",
];
/// Six lines of Japanese.
pub const JAPANESE: [&str; 6] = [
    "本システムは、企業や官公庁で利用される文書を自動的に処理し、検索可能な形式に",
    "変換するためのサーバーである。入力された文書は、まず安全な実行環境の中で解析され、",
    "文字情報と画像情報に分離される。画像に含まれる文字は、光学文字認識によって",
    "テキストデータに変換される。処理が完了すると、メールで通知が届きます。",
    "エラーが表示された場合は、管理者にお問い合わせください。春はあけぼの。",
    "東京都千代田区に所在する本社では、四月一日から新しい運用を開始した。",
];
/// Three lines of Russian.
pub const RUSSIAN: [&str; 3] = [
    "Все люди рождаются свободными и равными в своем достоинстве и правах. Они",
    "наделены разумом и совестью и должны поступать в отношении друг друга в духе",
    "братства. Каждый человек должен обладать всеми правами и свободами.",
];

/// A gray page.
#[derive(Clone)]
pub struct Page {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// One byte a pixel, row by row: 0 is black.
    pub pixels: Vec<u8>,
}

/// Fonts of Debian packages that `cargo xtask test` installs.
#[derive(Clone, Copy)]
pub enum Typeface {
    /// Latin and Cyrillic letters; `fonts-dejavu-core`.
    DejaVu,
    /// Japanese characters; `fonts-ipafont-gothic`.
    IpaGothic,
}

impl Typeface {
    fn load(self) -> FontVec {
        let path = match self {
            Self::DejaVu => "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
            Self::IpaGothic => "/usr/share/fonts/opentype/ipafont-gothic/ipag.ttf",
        };
        let content = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}; run `cargo xtask test`"));
        FontVec::try_from_vec(content).expect("a font")
    }
}

impl Page {
    /// Lines of text in 11 points on white paper, as large as they need.
    pub fn of(lines: &[&str], typeface: Typeface, dpi: usize) -> Self {
        let font = typeface.load();
        // The library takes points for 96 dots an inch.
        let scale = font.pt_to_px_scale(11.0 * dpi as f32 / 96.0).expect("a scalable font");
        let pitch = (11.0 * 1.4 / 72.0 * dpi as f32) as usize;
        let margin = dpi / 2;
        let long = lines.iter().map(|line| measure(&font, scale, line)).fold(0.0, f32::max) as usize;
        let (width, height) = (long + 2 * margin, lines.len() * pitch + 2 * margin);
        let mut page = Self { width, height, pixels: vec![255; width * height] };
        for (index, line) in lines.iter().enumerate() {
            page.draw(&font, scale, line, (margin as f32, (margin + (index + 1) * pitch) as f32));
        }
        page
    }

    /// Its width and height, as pictures have them.
    pub fn sides(&self) -> (u32, u32) {
        let side = |length: usize| u32::try_from(length).expect("a page of a few thousand pixels");
        (side(self.width), side(self.height))
    }

    fn draw(&mut self, font: &FontVec, scale: PxScale, text: &str, baseline: (f32, f32)) {
        let scaled = font.as_scaled(scale);
        let mut x = baseline.0;
        for character in text.chars() {
            let id = font.glyph_id(character);
            assert_ne!(id.0, 0, "the font has no {character}");
            let glyph = id.with_scale_and_position(scale, ab_glyph::point(x, baseline.1));
            if let Some(outline) = font.outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                outline.draw(|dx, dy, covered| {
                    let at = (corner.y as usize + dy as usize) * self.width + corner.x as usize + dx as usize;
                    let ink = &mut self.pixels[at];
                    *ink = (*ink).min(255 - (covered.min(1.0) * 235.0) as u8);
                });
            }
            x += scaled.h_advance(id);
        }
    }

    /// Turned clockwise by a quarter.
    pub fn quarter_turned(&self) -> Self {
        let (width, height) = (self.height, self.width);
        let from = |index: usize| (self.height - 1 - index % width) * self.width + index / width;
        Self { width, height, pixels: (0..width * height).map(|index| self.pixels[from(index)]).collect() }
    }

    /// Turned around its middle by a few degrees, as paper lies in a scanner.
    pub fn tilted(&self, degrees: f32) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let middle = (self.width as f32 / 2.0, self.height as f32 / 2.0);
        let at = |x: usize, y: usize| {
            let (dx, dy) = (x as f32 + 0.5 - middle.0, y as f32 + 0.5 - middle.1);
            self.between(middle.0 + dx * cos + dy * sin - 0.5, middle.1 - dx * sin + dy * cos - 0.5)
        };
        let pixels = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        Self { pixels: pixels.map(|(x, y)| at(x, y)).collect(), ..*self }
    }

    fn between(&self, x: f32, y: f32) -> u8 {
        if x < 0.0 || y < 0.0 || x as usize + 1 >= self.width || y as usize + 1 >= self.height {
            return 255;
        }
        let (left, top) = (x as usize, y as usize);
        let pixel = |x: usize, y: usize| f32::from(self.pixels[y * self.width + x]);
        let row = |y: usize| pixel(left, y) * (1.0 - x.fract()) + pixel(left + 1, y) * x.fract();
        (row(top) * (1.0 - y.fract()) + row(top + 1) * y.fract()) as u8
    }

    /// With gray paper, faint ink, and noise of a cheap camera.
    pub fn noisy(&self) -> Self {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // The sum of four is nearly normal, with a deviation of 9.
            (0..4).map(|part| ((state >> (16 * part)) & 0xffff) as f32 / 65_536.0 - 0.5).sum::<f32>() * 16.0
        };
        let pixel = |ink: &u8| (185.0 - f32::from(255 - ink) * 0.35 + noise()).clamp(0.0, 255.0) as u8;
        Self { pixels: self.pixels.iter().map(pixel).collect(), ..*self }
    }
}

fn measure(font: &FontVec, scale: PxScale, text: &str) -> f32 {
    let scaled = font.as_scaled(scale);
    text.chars().map(|character| scaled.h_advance(font.glyph_id(character))).sum()
}

/// Characters that are wrong in what was read, in thousandths of those that were drawn. Spaces do not count.
pub fn errors(drawn: &[&str], said: &str) -> usize {
    let letters = |text: &str| text.chars().filter(|character| !character.is_whitespace()).collect::<Vec<_>>();
    let (drawn, said) = (letters(&drawn.concat()), letters(said));
    distance(&drawn, &said) * 1000 / drawn.len()
}

/// Levenshtein's distance.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, a) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (place, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[other.len()]
}
