//! Which trace a request belongs to, as its client or a proxy says in `traceparent`, by W3C Trace Context
//! (<https://www.w3.org/TR/trace-context/#traceparent-header>). It is for logs and traces, and decides
//! nothing: anybody may send it.

use poem::http::HeaderMap;

/// The trace, and the span in it that is the request's parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext<'a> {
    trace_id: &'a str,
    span_id: &'a str,
    is_sampled: bool,
}

impl<'a> TraceContext<'a> {
    /// What the headers say, if it can be understood; otherwise it is as if there were nothing.
    pub fn of(headers: &'a HeaderMap) -> Option<Self> {
        let mut all = headers.get_all("traceparent").iter();
        match (all.next(), all.next()) {
            (Some(one), None) => Self::read(one.to_str().ok()?),
            _ => None,
        }
    }

    fn read(text: &'a str) -> Option<Self> {
        let (version, rest) = (text.get(..2)?, text.get(2..)?);
        let (trace_id, span_id) = (rest.get(1..33)?, rest.get(34..50)?);
        let (flags, end) = (rest.get(51..53)?, rest.get(53..)?);
        let separators = [rest.get(..1)?, rest.get(33..34)?, rest.get(50..51)?];
        let is_of_later_version = version != "00";
        let is_well_formed = separators == ["-"; 3]
            && [version, trace_id, span_id, flags].into_iter().all(is_hex)
            && version != "ff"
            // Later versions may append to it.
            && (end.is_empty() || is_of_later_version && end.starts_with('-'));
        let is_nothing = |id: &str| id.bytes().all(|byte| byte == b'0');
        if !is_well_formed || is_nothing(trace_id) || is_nothing(span_id) {
            return None;
        }
        Some(Self {
            trace_id,
            span_id,
            is_sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1,
        })
    }

    /// The trace: 32 hexadecimal digits.
    pub fn trace_id(self) -> &'a str {
        self.trace_id
    }

    /// Whether whoever began the trace keeps it.
    pub fn is_sampled(self) -> bool {
        self.is_sampled
    }

    /// The parent: 16 hexadecimal digits.
    pub fn span_id(self) -> &'a str {
        self.span_id
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_malformed_is_as_if_it_were_not_there() {
        let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let well_formed = [
            format!("00-{trace}-{span}-01"),
            format!("00-{trace}-{span}-00"),
            format!("cc-{trace}-{span}-01"),
            format!("cc-{trace}-{span}-01-what-the-future-brings"),
        ];
        for text in &well_formed {
            let read = TraceContext::read(text).unwrap();
            assert_eq!((read.trace_id(), read.span_id()), (trace, span), "{text}");
        }
        for text in [
            String::new(),
            "é".repeat(40),
            format!("00-{trace}-{span}"),
            format!("00-{trace}-{span}-1"),
            format!("00-{trace}-{span}-01-more"),
            format!("cc-{trace}-{span}-01more"),
            format!("ff-{trace}-{span}-01"),
            format!("0g-{trace}-{span}-01"),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00_{trace}-{span}-01"),
            format!(" 00-{trace}-{span}-01"),
            format!("00-{trace}-{span}-+1"),
        ] {
            assert_eq!(TraceContext::read(&text), None, "{text}");
        }
    }
}
