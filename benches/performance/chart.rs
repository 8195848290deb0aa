//! Draws how costs grow, as an SVG for light pages and one for dark ones: a page that shows an image
//! decides which, and an image by itself cannot know.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use crate::growth::{Growth, thousands};

const WIDTH: usize = 860;
/// Where the names end, and the costs begin and end.
const NAMES: usize = 330;
const LEFT: usize = 345;
const RIGHT: usize = 790;
const TOP: usize = 84;
const ROW: usize = 19;

struct Colors {
    text: &'static str,
    faint: &'static str,
    grid: &'static str,
    small: &'static str,
    large: &'static str,
    steep: &'static str,
}

const LIGHT: Colors = Colors {
    text: "#1f2328",
    faint: "#59636e",
    grid: "#d1d9e0",
    small: "#8c959f",
    large: "#0969da",
    steep: "#bc4c00",
};

const DARK: Colors = Colors {
    text: "#f0f6fc",
    faint: "#9198a1",
    grid: "#3d444d",
    small: "#656c76",
    large: "#4493f8",
    steep: "#db6d28",
};

/// What costs more than this many times as much stands out.
const STEEP: f64 = 2.0;

/// Writes `growth-sqlite-light.svg` and `growth-sqlite-dark.svg` into the folder.
pub fn write(folder: &Path, database: &str, sizes: &[u64], growths: &[Growth]) {
    std::fs::create_dir_all(folder).unwrap();
    for (shade, colors) in [("light", LIGHT), ("dark", DARK)] {
        let name = format!("growth-{}-{shade}.svg", database.to_lowercase());
        let path = folder.join(name);
        std::fs::write(&path, draw(database, sizes, growths, &colors)).unwrap();
        println!("\n{}", path.display());
    }
}

fn draw(database: &str, sizes: &[u64], growths: &[Growth], colors: &Colors) -> String {
    let scale = Scale::over(growths);
    let bottom = TOP + ROW * growths.len();
    let height = bottom + 40;
    let Colors {
        text,
        faint,
        grid,
        small,
        large,
        steep,
    } = colors;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"{text}\" role=\"img\">\n\
         <title>What queries cost with more and more rows, on {database}</title>\n\
         <text x=\"0\" y=\"18\" font-size=\"15\" font-weight=\"600\">Milliseconds for one query, on {database}</text>\n"
    );
    let (first, last) = (thousands(sizes[0]), thousands(sizes[sizes.len() - 1]));
    let _ = writeln!(
        svg,
        "<circle cx=\"6\" cy=\"40\" r=\"4.5\" fill=\"{small}\"/><text x=\"17\" y=\"44\">{first} rows</text>\
         <circle cx=\"126\" cy=\"40\" r=\"4.5\" fill=\"{large}\"/><text x=\"137\" y=\"44\">{last} rows</text>\
         <circle cx=\"266\" cy=\"40\" r=\"4.5\" fill=\"{steep}\"/><text x=\"277\" y=\"44\">{last} rows, at more than \
         {STEEP} times the cost</text>"
    );
    for power in scale.from..=scale.to {
        let x = scale.place(10_f64.powi(power));
        let label = 10_f64.powi(power);
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"{grid}\"/><text x=\"{x:.1}\" y=\"{label_y}\" \
             text-anchor=\"middle\" fill=\"{faint}\">{label}</text>",
            top = TOP - 8,
            label_y = TOP - 14,
        );
    }
    for (index, growth) in growths.iter().enumerate() {
        let y = TOP + ROW * index + ROW / 2;
        let places: Vec<_> = growth
            .costs
            .iter()
            .map(|&cost| scale.place(milliseconds(cost)))
            .collect();
        let (begin, end) = (places[0], places[places.len() - 1]);
        let ratio = growth.ratio();
        let color = if ratio > STEEP { steep } else { large };
        let baseline = y + 4;
        let _ = writeln!(
            svg,
            "<text x=\"{NAMES}\" y=\"{baseline}\" text-anchor=\"end\">{name}</text>\
             <path d=\"M{begin:.1} {y}H{end:.1}\" stroke=\"{color}\" stroke-width=\"2\"/>\
             <circle cx=\"{begin:.1}\" cy=\"{y}\" r=\"4.5\" fill=\"{small}\"/>\
             <circle cx=\"{end:.1}\" cy=\"{y}\" r=\"4.5\" fill=\"{color}\"/>\
             <text x=\"{WIDTH}\" y=\"{baseline}\" text-anchor=\"end\" fill=\"{ratio_color}\">× {ratio:.1}</text>",
            name = growth.name,
            ratio_color = if ratio > STEEP { steep } else { faint },
        );
    }
    svg + "</svg>\n"
}

/// Costs by their logarithm, between two powers of ten.
struct Scale {
    from: i32,
    to: i32,
}

impl Scale {
    fn over(growths: &[Growth]) -> Self {
        let costs = growths.iter().flat_map(|growth| &growth.costs);
        let powers: Vec<_> = costs.map(|&cost| milliseconds(cost).log10()).collect();
        let least = powers.iter().copied().fold(f64::INFINITY, f64::min);
        let most = powers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        #[allow(clippy::cast_possible_truncation, reason = "they are small")]
        let (from, to) = (least.floor() as i32, most.ceil() as i32);
        Self {
            from,
            to: to.max(from + 1),
        }
    }

    fn place(&self, milliseconds: f64) -> f64 {
        let part = (milliseconds.log10() - f64::from(self.from)) / f64::from(self.to - self.from);
        LEFT as f64 + part * (RIGHT - LEFT) as f64
    }
}

/// At least a little, so that it has a logarithm.
fn milliseconds(cost: Duration) -> f64 {
    (cost.as_secs_f64() * 1e3).max(0.001)
}
