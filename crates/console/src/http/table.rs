//! Tables as files.

use actix_web::HttpResponse;

/// 200 with rows as CSV (RFC 4180).
pub fn csv(name: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> HttpResponse {
    let mut text = line(head.iter().map(|&cell| cell.to_owned()));
    for row in rows {
        text.push_str(&line(row.into_iter()));
    }
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header(("content-disposition", format!("attachment; filename=\"leadwire-{name}.csv\"")))
        .body(text)
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = cells.map(|text| cell(&text)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell that no spreadsheet takes for a formula.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_more_than_one_cell() {
        assert_eq!(cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(["+1", "-1", "@x", "\tx"].map(cell), ["\"'+1\"", "\"'-1\"", "\"'@x\"", "\"'\tx\""]);
        assert_eq!(cell("a,b\r\nc"), "\"a,b\r\nc\"");
    }
}
