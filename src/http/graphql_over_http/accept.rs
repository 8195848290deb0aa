//! Which media types a client accepts for its response (RFC 9110, section 12.5.1).
//!
//! The order of the `Accept` header says nothing, its weights do. Of what is accepted alike, a type
//! that is named goes before one that only a wildcard takes.

use mediatype::{MediaTypeList, Name, ReadParams};
use poem::http::HeaderMap;
use poem::http::header::ACCEPT;

use super::response::MediaType;

const Q: Name = Name::new_unchecked("q");

/// What a client accepts of the media types that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// The better of the two that hold a whole response in JSON, if one of them is accepted.
    pub(super) json: Option<MediaType>,
    /// Whether an event stream is accepted by its name. No wildcard means one: whoever does not name
    /// it waits for a response that ends.
    pub(super) event_stream: bool,
}

impl Accepted {
    /// As the request's headers say. Ranges that cannot be read are passed over; without any other,
    /// everything is accepted.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let values: Vec<_> = headers
            .get_all(ACCEPT)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        let ranges: Vec<Range> = values.iter().flat_map(|value| ranges(value)).collect();
        if ranges.is_empty() {
            return Self {
                json: Some(MediaType::Json),
                event_stream: false,
            };
        }
        let json = preference(&ranges, MediaType::Json);
        let graphql_response = preference(&ranges, MediaType::GraphqlResponse);
        Self {
            json: match (json, graphql_response) {
                (None, None) => None,
                // GraphQL's own type says more, to those who know it.
                (json, Some(own)) if json < Some(own) || own.is_named() && json == Some(own) => {
                    Some(MediaType::GraphqlResponse)
                }
                _ => Some(MediaType::Json),
            },
            event_stream: preference(&ranges, MediaType::EventStream)
                .is_some_and(|preference| preference.range != Specificity::Anything),
        }
    }

    /// The media type of a response that comes at once: an event stream only for those who accept
    /// nothing else.
    pub(super) fn at_once(self) -> Option<MediaType> {
        let event_stream = self.event_stream.then_some(MediaType::EventStream);
        self.json.or(event_stream)
    }
}

/// How much a media type is wanted. A greater one is wanted more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Preference {
    /// The weight, in thousandths; at least 1.
    weight: u16,
    /// The range that accepts it.
    range: Specificity,
}

impl Preference {
    fn is_named(self) -> bool {
        self.range == Specificity::Type
    }
}

/// How closely a media range describes a type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    /// `*/*`
    Anything,
    /// `application/*`
    Family,
    /// `application/json`
    Type,
}

/// A media range, and its weight in thousandths.
struct Range {
    /// In lower case, without parameters.
    essence: String,
    weight: u16,
}

/// The ranges of one header that can be read.
fn ranges(value: &str) -> impl Iterator<Item = Range> {
    MediaTypeList::new(value)
        .filter_map(Result::ok)
        .filter_map(|range| {
            let weight = match range.get_param(Q) {
                None => 1.0,
                Some(q) => q.as_str().parse::<f32>().ok()?,
            };
            (0.0..=1.0).contains(&weight).then(|| Range {
                essence: range.essence().to_string().to_ascii_lowercase(),
                weight: (weight * 1_000.0).round() as u16,
            })
        })
}

/// What the most specific range says that accepts the media type. What it weighs nothing in, it
/// refuses.
fn preference(ranges: &[Range], media_type: MediaType) -> Option<Preference> {
    let essence = media_type.essence();
    let (family, _) = essence.split_once('/')?;
    [
        (Specificity::Type, essence),
        (Specificity::Family, &format!("{family}/*")),
        (Specificity::Anything, "*/*"),
    ]
    .into_iter()
    .find_map(|(range, text)| {
        let matching = ranges.iter().filter(|range| range.essence == text);
        let weight = matching.map(|range| range.weight).max()?;
        Some(Preference { weight, range })
    })
    .filter(|preference| preference.weight > 0)
}
