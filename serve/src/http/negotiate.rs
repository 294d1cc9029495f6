//! In which format rows are wanted: `?format=` or the request's body say it, or else `Accept`.

use assay_query::output::Format;

/// The format that the header `Accept` prefers among those there are; `None` if it takes none of
/// them. Whoever takes anything gets JSON.
pub fn accepted(accept: &str) -> Option<Format> {
    let mut best: Option<(f32, Format)> = None;
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let Some(format) = parts.next().and_then(of_range) else { continue };
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        let quality = quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0));
        if quality > 0.0 && best.is_none_or(|(known, _)| quality > known) {
            best = Some((quality, format));
        }
    }
    best.map(|(_, format)| format)
}

fn of_range(range: &str) -> Option<Format> {
    let range = range.to_ascii_lowercase();
    match range.as_str() {
        "*/*" | "application/*" => Some(Format::Json),
        "text/*" => Some(Format::Csv),
        "application/jsonl" | "application/ndjson" => Some(Format::Ndjson),
        range => Format::ALL.into_iter().find(|format| format.media_type() == range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_chooses_by_quality_and_then_by_order() {
        for (accept, format) in [
            ("*/*", Some(Format::Json)),
            ("text/csv", Some(Format::Csv)),
            ("text/html, text/csv;q=0.9, */*;q=0.1", Some(Format::Csv)),
            ("application/json;q=0.1, application/vnd.apache.arrow.stream", {
                Some(Format::ArrowStream)
            }),
            ("Application/X-NDJSON; charset=utf-8", Some(Format::Ndjson)),
            ("application/vnd.apache.parquet,text/csv", Some(Format::Parquet)),
            ("text/html", None),
            ("application/json;q=0", None),
            ("application/json;q=x", None),
            ("", None),
        ] {
            assert_eq!(accepted(accept), format, "{accept}");
        }
    }
}
