//! Tables: aligned and complete in a pipe, one line a row and fitted on a terminal.

use super::{
    Terminal,
    style::{BOLD, Ink, glyph_style, status_glyph},
};
use crate::{kind::Status, text};
use comfy_table::{ColumnConstraint, ContentArrangement, Row};

/// Stands before a glyph that gets its colour after the widths are settled. Invisible, of no
/// width, and forbidden in every remote text, so it cannot come from one.
const MARK: char = '\u{2061}';

/// What stands in one place of a table; text from outside is made safe for a terminal here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    status: Option<Status>,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self { text: text::line(text, usize::MAX), status: None }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self { text: number.to_string(), status: None }
    }
}

impl From<Status> for Cell {
    fn from(status: Status) -> Self {
        Self { text: status.word().to_owned(), status: Some(status) }
    }
}

/// Rows under a header.
#[derive(Debug, Clone)]
pub struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub fn new(header: impl IntoIterator<Item = &'static str>) -> Self {
        Self { header: header.into_iter().collect(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// On a terminal each row is one line of its width, cut with `…` where it must be, and a
    /// status carries its glyph. Elsewhere nothing is cut and a status is just its word.
    pub(super) fn render(&self, terminal: Terminal, ink: Ink) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_truncation_indicator("…");
        if let Some(columns) = terminal.columns {
            table.set_width(columns).set_content_arrangement(ContentArrangement::Dynamic);
        }
        table.set_header(self.header.iter().copied());
        for cells in &self.rows {
            let mut row = Row::new();
            for cell in cells {
                row.add_cell(comfy_table::Cell::new(shown(cell, terminal)));
            }
            if terminal.columns.is_some() {
                row.max_height(1);
            }
            table.add_row(row);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let names = self.rows.iter().filter_map(|row| row.first());
        let widest = names.map(|cell| cell.text.chars().count()).max().unwrap_or(0);
        // The first column is what other commands want: it is not cut where there is room.
        if terminal.columns.is_some_and(|columns| widest + 24 <= usize::from(columns))
            && let Some(first) = table.column_mut(0)
        {
            first.set_constraint(ColumnConstraint::ContentWidth);
        }
        let mut out = String::new();
        for (at, line) in table.lines().enumerate() {
            let line = line.trim_end();
            out.push_str(&if at == 0 { ink.paint(BOLD, line) } else { paint_glyphs(line, ink) });
            out.push('\n');
        }
        out
    }
}

fn shown(cell: &Cell, terminal: Terminal) -> String {
    match cell.status {
        Some(status) if terminal.stdout => {
            format!("{MARK}{} {}", status_glyph(status), cell.text)
        }
        _ => cell.text.clone(),
    }
}

fn paint_glyphs(line: &str, ink: Ink) -> String {
    let mut parts = line.split(MARK);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut rest = part.chars();
        if let Some(glyph) = rest.next() {
            out.push_str(&ink.paint(glyph_style(glyph), glyph.encode_utf8(&mut [0; 4])));
        }
        out.push_str(rest.as_str());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["NAME", "STATUS", "URL"]);
        table.row(["kommo".into(), Status::Connected.into(), "https://kommo.example/mcp".into()]);
        table.row(["x\u{1b}[2J\ny".into(), Status::Error.into(), "a b c d e f g h i j k".into()]);
        table
    }

    #[test]
    fn a_pipe_gets_everything_and_no_glyph() {
        let text = table().render(Terminal::default(), Ink::default());
        assert_eq!(
            text,
            "NAME     STATUS     URL\n\
             kommo    connected  https://kommo.example/mcp\n\
             x [2J y  error      a b c d e f g h i j k\n"
        );
    }

    #[test]
    fn a_terminal_gets_one_fitted_line_a_row() {
        let narrow = Terminal { stdout: true, columns: Some(40), ..Terminal::default() };
        let text = table().render(narrow, Ink::default());
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(text.contains("✓ connected") && text.contains('…'), "{text}");
    }

    #[test]
    fn the_name_in_front_is_not_cut_where_there_is_room() {
        let mut table = Table::new(["TOOL", "STATE", "DESCRIPTION"]);
        let name = "kommo__a_tool_with_a_name_of_some_length";
        table.row([name.into(), "ok".into(), "What it does, at length and beyond.".into()]);
        let terminal =
            |columns| Terminal { stdout: true, columns: Some(columns), ..Terminal::default() };
        let text = table.render(terminal(70), Ink::default());
        assert!(text.contains(name) && text.contains('…'), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 70), "{text}");
        let text = table.render(terminal(50), Ink::default());
        assert!(text.lines().all(|line| line.chars().count() <= 50), "{text}");
    }

    #[test]
    fn the_glyph_alone_is_coloured() {
        let wide = Terminal { stdout: true, columns: Some(100), ..Terminal::default() };
        let text = table().render(wide, Ink { on: true });
        assert!(text.contains("\u{1b}[32m✓\u{1b}[0m connected"), "{text:?}");
        assert!(!text.contains(MARK));
    }

    #[test]
    fn an_empty_table_is_its_header() {
        let text = Table::new(["A", "B"]).render(Terminal::default(), Ink::default());
        assert_eq!(text, "A  B\n");
    }
}
