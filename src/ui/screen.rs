//! For tests: a terminal that shows what was written to it, and knows no more than we use.

use super::width::width;

pub(super) struct Emulated {
    columns: usize,
    height: usize,
    /// All lines, those that have scrolled away too.
    lines: Vec<Vec<String>>,
    row: usize,
    column: usize,
}

/// What `written` looks like on a terminal of this size: all that was ever scrolled away, and
/// what stands there.
pub(super) fn seen(written: &str, columns: usize, height: usize) -> Vec<String> {
    let mut screen = Emulated { columns, height, lines: vec![Vec::new()], row: 0, column: 0 };
    screen.play(written);
    let line = |line: &Vec<String>| line.concat().trim_end().to_owned();
    let mut lines: Vec<String> = screen.lines.iter().map(line).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

impl Emulated {
    fn play(&mut self, written: &str) {
        let mut chars = written.chars();
        while let Some(c) = chars.next() {
            match c {
                '\r' => self.column = 0,
                '\n' => {
                    self.column = 0;
                    self.down();
                }
                '\u{1b}' => {
                    assert_eq!(chars.next(), Some('['), "an escape that is no CSI");
                    let mut count = String::new();
                    let end = loop {
                        match chars.next() {
                            Some(c) if c.is_ascii_digit() || c == ';' => count.push(c),
                            end => break end,
                        }
                    };
                    self.control(end, count.parse().unwrap_or(1));
                }
                c => self.put(c),
            }
        }
    }

    fn control(&mut self, end: Option<char>, count: usize) {
        match end {
            Some('A') => {
                // What has scrolled away is out of reach.
                let top = self.lines.len().saturating_sub(self.height);
                self.row = self.row.saturating_sub(count).max(top);
            }
            Some('K') => self.lines[self.row].truncate(self.column),
            Some('m') => {}
            other => panic!("{other:?} is not played"),
        }
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row == self.lines.len() {
            self.lines.push(Vec::new());
        }
    }

    fn put(&mut self, c: char) {
        let wide = width(c.encode_utf8(&mut [0; 4]));
        if self.column + wide > self.columns {
            self.column = 0;
            self.down();
        }
        let line = &mut self.lines[self.row];
        line.resize(line.len().max(self.column + wide), " ".to_owned());
        line[self.column] = c.to_string();
        for rest in 1..wide {
            line[self.column + rest] = String::new();
        }
        self.column += wide;
    }
}

#[test]
fn lines_are_wiped_as_a_terminal_does() {
    assert_eq!(seen("a\nb\nc\r\u{1b}[K\u{1b}[1A\u{1b}[Kd", 9, 5), ["a", "d"]);
    assert_eq!(seen("abcdef\r\u{1b}[Kx", 4, 5), ["abcd", "x"]);
}
