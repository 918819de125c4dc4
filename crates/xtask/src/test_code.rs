//! Which code is test code: every file below a directory `tests` or named `tests.rs`, and every item under
//! `#[cfg(test)]`.

use crate::rust_source::RustSource;
use crate::tree::TextFile;

/// The code of `file` with all but the test code blanked; lines and columns stay.
pub(crate) fn test_code(file: &TextFile) -> String {
    let code = RustSource::new(&file.text).code;
    if file.name() == "tests.rs" || file.directories().any(|directory| directory == "tests") {
        return code;
    }
    let mut kept = String::with_capacity(code.len());
    let mut rest = code.as_str();
    while let Some(start) = start_of_test_item(rest) {
        let (before, item) = rest.split_at(start);
        let (item, after) = item.split_at(end_of_item(item));
        blank(before, &mut kept);
        kept.push_str(item);
        rest = after;
    }
    blank(rest, &mut kept);
    kept
}

/// Where the next `#[cfg(test)]` begins.
fn start_of_test_item(code: &str) -> Option<usize> {
    code.match_indices("#[cfg(").map(|(start, _)| start).find(|&start| {
        let condition = code[start..].split(']').next().unwrap_or_default();
        condition.split(|char: char| !char.is_alphanumeric() && char != '_').any(|word| word == "test")
            && !condition.contains("not(")
    })
}

/// Behind the first block or semicolon that is outside of all other brackets.
fn end_of_item(item: &str) -> usize {
    let (mut brackets, mut braces) = (0_usize, 0_usize);
    for (at, char) in item.char_indices() {
        match char {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            '{' => braces += 1,
            '}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 && brackets == 0 {
                    return at + 1;
                }
            }
            ';' if braces == 0 && brackets == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

fn blank(code: &str, into: &mut String) {
    into.extend(code.chars().map(|char| if char == '\n' { '\n' } else { ' ' }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(path: &str, text: &str) -> String {
        let code = test_code(&TextFile { path: path.into(), text: text.into() });
        code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_line_of_a_test_file_is_test_code() {
        assert_eq!(words("tests/src/crash.rs", "fn a() {}"), "fn a() {}");
        assert_eq!(words("crates/one/src/lease/tests.rs", "fn a() {}"), "fn a() {}");
        assert_eq!(words("crates/one/src/lease.rs", "fn a() {}"), "");
    }

    #[test]
    fn test_item_ends_with_its_block() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { c([1; 2]); } }\nfn d() {}";

        assert_eq!(words("src/lib.rs", text), "#[cfg(test)] mod tests { fn b() { c([1; 2]); } }");
    }

    #[test]
    fn test_item_without_a_block_ends_with_its_semicolon() {
        assert_eq!(words("src/lib.rs", "#[cfg(test)]\nuse a::b;\nfn c() {}"), "#[cfg(test)] use a::b;");
    }

    #[test]
    fn only_conditions_that_ask_for_tests_count() {
        assert_eq!(
            words("src/lib.rs", "#[cfg(all(test, unix))] fn a() {}"),
            "#[cfg(all(test, unix))] fn a() {}"
        );
        assert_eq!(words("src/lib.rs", "#[cfg(not(test))] fn a() {}"), "");
        assert_eq!(words("src/lib.rs", "#[cfg(feature = \"test\")] fn a() {}"), "");
        assert_eq!(words("src/lib.rs", "#[cfg(testing)] fn a() {}"), "");
    }

    #[test]
    fn lines_stay_where_they_are() {
        let file =
            TextFile { path: "src/lib.rs".into(), text: "fn a() {}\n\n#[cfg(test)]\nmod b {}\n".into() };

        assert_eq!(test_code(&file).lines().nth(3), Some("mod b {}"));
    }
}
