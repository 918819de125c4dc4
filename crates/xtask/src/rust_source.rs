//! Rust text in two layers: what the compiler runs, and what a reader is told.
//!
//! A rule about code must not stumble over a string or a comment that merely speaks of the code, and the other way
//! round. Each layer has the lines and columns of the original, with everything else blanked. String and character
//! literals are in neither.
//!
//! Not here: a parser. The layers are found from the few tokens that can hide others (`//`, `/*`, quotes).

/// The layers of one file.
#[derive(Debug)]
pub(crate) struct RustSource {
    pub(crate) code: String,
    pub(crate) comments: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Code,
    Comment,
    Literal,
}

impl RustSource {
    pub(crate) fn new(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let mut source = Self { code: String::new(), comments: String::new() };
        let mut start = 0;
        while start < chars.len() {
            let (layer, end) = span(&chars, start);
            for &char in &chars[start..end] {
                let blank = if char == '\n' { '\n' } else { ' ' };
                source.code.push(if layer == Layer::Code { char } else { blank });
                source.comments.push(if layer == Layer::Comment { char } else { blank });
            }
            start = end;
        }
        source
    }
}

/// The layer that begins at `start`, and where it ends: always behind `start`, never behind the text.
fn span(chars: &[char], start: usize) -> (Layer, usize) {
    match &chars[start..] {
        ['/', '/', ..] => (Layer::Comment, end_of_line(chars, start)),
        ['/', '*', ..] => (Layer::Comment, end_of_block_comment(chars, start)),
        ['"', ..] => (Layer::Literal, end_of_string(chars, start)),
        ['r', '"' | '#', ..] => {
            end_of_raw_string(chars, start).map_or((Layer::Code, start + 1), |end| (Layer::Literal, end))
        }
        ['\'', '\\', ..] => (Layer::Literal, end_of_escaped_char(chars, start)),
        ['\'', _, '\'', ..] => (Layer::Literal, start + 3),
        _ => (Layer::Code, start + 1),
    }
}

fn end_of_line(chars: &[char], start: usize) -> usize {
    chars[start..].iter().position(|&char| char == '\n').map_or(chars.len(), |length| start + length)
}

/// Block comments nest.
fn end_of_block_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0_usize, start);
    while at < chars.len() {
        match &chars[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// `None` where the `r` is the end of a name, or begins a raw identifier as in `r#type`.
fn end_of_raw_string(chars: &[char], start: usize) -> Option<usize> {
    let is_name = |char: &char| char.is_alphanumeric() || *char == '_';
    let before = &chars[..start];
    let before = before.strip_suffix(&['b']).or_else(|| before.strip_suffix(&['c'])).unwrap_or(before);
    if before.last().is_some_and(is_name) {
        return None;
    }
    let hashes = chars[start + 1..].iter().take_while(|&&char| char == '#').count();
    let quote = start + 1 + hashes;
    if chars.get(quote) != Some(&'"') {
        return None;
    }
    let closing: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let inside = chars[quote + 1..].windows(closing.len()).position(|window| window == closing);
    Some(inside.map_or(chars.len(), |length| quote + 1 + length + closing.len()))
}

fn end_of_escaped_char(chars: &[char], start: usize) -> usize {
    let behind_escape = (start + 3).min(chars.len());
    let closing = chars[behind_escape..].iter().position(|&char| char == '\'');
    closing.map_or(chars.len(), |length| behind_escape + length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text, its code, its comments: each with runs of blanks as one.
    const LAYERS: [(&str, &str, &str); 13] = [
        ("let a = 1; // one", "let a = 1;", "// one"),
        ("a /* b /* c */ d */ e", "a e", "/* b /* c */ d */"),
        ("f(\"// no comment\") + g", "f( ) + g", ""),
        (r#"f("\"//") + g"#, "f( ) + g", ""),
        (r###"f(r#"a" // b"#) + g"###, "f( ) + g", ""),
        (r##"f(br"\") + g"##, "f(b ) + g", ""),
        ("r#type + 1 // t", "r#type + 1", "// t"),
        ("bar\"x\" // t", "bar", "// t"),
        ("if c == '\"' { d } // t", "if c == { d }", "// t"),
        (r"if c == '\'' { d } // t", "if c == { d }", "// t"),
        (r"'\u{1b}' // t", "", "// t"),
        ("fn f<'a>(x: &'a str) {} // t", "fn f<'a>(x: &'a str) {}", "// t"),
        ("a // b\nc", "a c", "// b"),
    ];

    #[test]
    fn code_and_comments_are_told_apart() {
        for (text, code, comments) in LAYERS {
            let source = RustSource::new(text);
            let words = |layer: &str| layer.split_whitespace().collect::<Vec<_>>().join(" ");

            assert_eq!(words(&source.code), code, "code of {text}");
            assert_eq!(words(&source.comments), comments, "comments of {text}");
        }
    }

    #[test]
    fn lines_and_columns_stay() {
        let source = RustSource::new("f(\"é\n\"); // g\nh");

        assert_eq!(source.code, "f(  \n );     \nh");
        assert_eq!(source.comments, "    \n    // g\n ");
    }

    #[test]
    fn unfinished_text_ends_where_it_ends() {
        for text in ["\"a", "\"a\\", "r#\"a\"", "/* a", "'\\", "'", "// a", "r", "r#"] {
            let source = RustSource::new(text);

            assert_eq!(source.code.chars().count(), text.chars().count(), "{text}");
            assert_eq!(source.comments.chars().count(), text.chars().count(), "{text}");
        }
    }
}
