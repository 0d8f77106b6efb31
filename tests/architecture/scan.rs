//! What a source file names: every path, with groups of `use` taken apart.

use super::tokens::{Token, tokens};

/// A path as it is named somewhere, such as `crate::vault::Vault`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    /// It stands in `#[cfg(test)]` code.
    pub(crate) in_test: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) named: Vec<Named>,
    /// Lines with `super::super`.
    pub(crate) double_supers: Vec<usize>,
    /// Macros called, such as `println`.
    pub(crate) macros: Vec<(String, usize)>,
    /// Files that are `#[cfg(test)] mod name;` of this one.
    pub(crate) test_mods: Vec<String>,
    /// Lines from the first to the last of each `#[cfg(test)]` item.
    pub(crate) test_lines: Vec<(usize, usize)>,
}

impl Scan {
    pub(crate) fn is_test_line(&self, line: usize) -> bool {
        self.test_lines.iter().any(|(first, last)| (*first..=*last).contains(&line))
    }
}

/// Scans one file. `depth` is how many modules it lies below the crate's root: 1 for a room's
/// own file. A `super` that leads to the root is given as `crate`.
pub(crate) fn scan(source: &str, depth: usize) -> Scan {
    let tokens = tokens(source);
    let mut scan = Scan::default();
    find_tests(&tokens, &mut scan);
    for call in tokens.windows(3) {
        let opens = matches!(call[2].text.as_str(), "(" | "[" | "{");
        if call[0].is_word() && call[1].text == "!" && opens && !scan.is_test_line(call[0].line) {
            scan.macros.push((call[0].text.clone(), call[0].line));
        }
    }
    let mut open = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let text = tokens[at].text.as_str();
        match text {
            "{" => open.push(at >= 2 && tokens[at - 2].text == "mod"),
            "}" => {
                open.pop();
            }
            _ => {}
        }
        let after_path =
            at > 0 && matches!(tokens[at - 1].text.as_str(), "::" | "." | "mod" | "fn");
        if tokens[at].is_word() && !after_path {
            let below_root = depth + open.iter().filter(|is_mod| **is_mod).count();
            let (paths, next) = paths(&tokens, at);
            for path in paths {
                let line = tokens[at].line;
                // `pub(crate)` names nobody.
                if path == ["crate"] && tokens.get(next).is_some_and(|t| t.text == ")") {
                    continue;
                }
                if path.windows(2).any(|pair| pair == ["super", "super"]) {
                    scan.double_supers.push(line);
                    scan.double_supers.dedup();
                }
                let in_test = scan.is_test_line(line);
                scan.named.push(Named { path: from_root(path, below_root), line, in_test });
            }
            at = next.max(at + 1);
        } else {
            at += 1;
        }
    }
    scan
}

/// The paths that begin at the word `at`, and where they end. `a::{b, c::d}` is two.
fn paths(tokens: &[Token], at: usize) -> (Vec<Vec<String>>, usize) {
    let mut path = vec![tokens[at].text.clone()];
    let mut at = at + 1;
    while tokens.get(at).is_some_and(|t| t.text == "::") {
        match tokens.get(at + 1) {
            Some(next) if next.text == "{" => {
                let mut all = Vec::new();
                let mut inner = at + 2;
                while inner < tokens.len() && tokens[inner].text != "}" {
                    if tokens[inner].is_word() || tokens[inner].text == "*" {
                        let (rests, end) = paths(tokens, inner);
                        all.extend(rests.into_iter().map(|rest| [path.clone(), rest].concat()));
                        inner = end;
                        // `as name` is no path.
                        if tokens.get(inner).is_some_and(|t| t.text == "as") {
                            inner += 2;
                        }
                    } else {
                        inner += 1;
                    }
                }
                return (all, inner + 1);
            }
            Some(next) if next.is_word() || next.text == "*" => {
                path.push(next.text.clone());
                at += 2;
            }
            _ => break,
        }
    }
    (vec![path], at)
}

/// `super` and `self` at the front resolved as far as the root is reached.
fn from_root(path: Vec<String>, below_root: usize) -> Vec<String> {
    let skip = usize::from(path[0] == "self");
    let ups = path[skip..].iter().take_while(|part| *part == "super").count();
    if path[0] == "allmcp" || (ups > 0 && ups >= below_root) {
        let rest = path[skip + ups.max(usize::from(path[0] == "allmcp"))..].iter().cloned();
        return std::iter::once("crate".to_owned()).chain(rest).collect();
    }
    path
}

fn find_tests(tokens: &[Token], scan: &mut Scan) {
    let mut at = 0;
    while at < tokens.len() {
        let Some(end) = test_attribute(tokens, at) else {
            at += 1;
            continue;
        };
        let mut item = end;
        // Other attributes of the same item.
        while tokens.get(item).is_some_and(|t| t.text == "#") {
            item = matching(tokens, item + 1) + 1;
        }
        let mut last = item;
        while last < tokens.len() && !matches!(tokens[last].text.as_str(), ";" | "{") {
            last += 1;
        }
        if tokens.get(last).is_some_and(|t| t.text == ";") {
            let name = tokens[item..last].iter().skip_while(|t| t.text != "mod").nth(1);
            scan.test_mods.extend(name.map(|t| t.text.clone()));
        } else {
            last = matching(tokens, last);
        }
        let line = |at: usize| tokens.get(at).or(tokens.last()).map_or(0, |t| t.line);
        scan.test_lines.push((line(at), line(last)));
        at = last + 1;
    }
}

/// The end of `#[cfg(test)]` or `#[cfg(all(test, …))]` at `at`.
fn test_attribute(tokens: &[Token], at: usize) -> Option<usize> {
    let text = |at: usize| tokens.get(at).map(|t| t.text.as_str());
    if text(at) != Some("#") || text(at + 1) != Some("[") || text(at + 2) != Some("cfg") {
        return None;
    }
    let end = matching(tokens, at + 1);
    let inside = &tokens[at..end.min(tokens.len())];
    let has = |word: &str| inside.iter().any(|t| t.text == word);
    (has("test") && !has("not") && !has("any")).then_some(end + 1)
}

/// Where the bracket that opens at `at` is closed.
fn matching(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (end, token) in tokens.iter().enumerate().skip(at) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return end;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(source: &str, depth: usize) -> Vec<String> {
        scan(source, depth).named.into_iter().map(|n| n.path.join("::")).collect()
    }

    #[test]
    fn groups_are_taken_apart() {
        let source = "use crate::{vault::{Vault, self as v, *}, hub};";
        assert_eq!(
            named(source, 1),
            ["use", "crate::vault::Vault", "crate::vault::self", "crate::vault::*", "crate::hub"]
        );
    }

    #[test]
    fn paths_in_expressions_and_types_are_seen() {
        let source = "fn f(x: &crate::hub::Hub) { crate::vault::open::<u8>(x.crate_like.y) }";
        let all = named(source, 1);
        assert!(all.contains(&"crate::hub::Hub".into()), "{all:?}");
        assert!(all.contains(&"crate::vault::open".into()), "{all:?}");
        assert!(!all.contains(&"crate_like".into()), "{all:?}");
    }

    #[test]
    fn super_at_the_edge_of_a_room_is_the_root() {
        assert!(named("use super::vault::X;", 1).contains(&"crate::vault::X".into()));
        assert!(named("use self::super::vault::X;", 1).contains(&"crate::vault::X".into()));
        assert!(named("use super::vault::X;", 2).contains(&"super::vault::X".into()));
        let nested = "mod inner { use super::vault::X; } use super::hub::Y;";
        let all = named(nested, 1);
        assert!(all.contains(&"super::vault::X".into()) && all.contains(&"crate::hub::Y".into()));
        assert!(named("allmcp::vault::X", 1).contains(&"crate::vault::X".into()));
    }

    #[test]
    fn test_code_is_known_as_such() {
        let source = "use crate::a;\n#[cfg(test)]\n#[x(y)]\nmod tests {\n use crate::b;\n}\n\
                      #[cfg(test)] mod more;\n#[cfg(not(test))] use crate::c;\nprintln!();\n";
        let scan = scan(source, 1);
        let of = |name: &str| scan.named.iter().find(|n| n.path.last().is_some_and(|l| l == name));
        assert!(!of("a").unwrap().in_test && of("b").unwrap().in_test && !of("c").unwrap().in_test);
        assert_eq!(scan.test_mods, ["more"]);
        assert_eq!(scan.macros, [("println".into(), 9)]);
        assert!(scan.is_test_line(2) && scan.is_test_line(6) && !scan.is_test_line(8));
    }
}
