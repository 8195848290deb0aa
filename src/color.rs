//! The brand's colour, and what goes with it: text that can be read on it, and shades of it that can
//! be read on the pages' own backgrounds (WCAG 2.2, success criterion 1.4.3).

type Rgb = [f64; 3];

/// The lowest contrast that text may have.
const CONTRAST: f64 = 4.6;

/// The pages' backgrounds, light and dark.
const LIGHT: Rgb = [244.0, 245.0, 247.0];
const DARK: Rgb = [29.0, 33.0, 42.0];

/// The brand's colour and its company, each as `#rrggbb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette {
    /// The colour itself, for surfaces.
    pub brand: String,
    /// For text on it.
    pub on_brand: String,
    /// For links and other text on a light background.
    pub ink: String,
    /// The same on a dark background.
    pub ink_on_dark: String,
}

impl Palette {
    /// What goes with a colour; nothing goes with what is none.
    pub fn of(color: &str) -> Option<Self> {
        let brand = parse(color)?;
        let on_brand = if contrast(brand, [255.0; 3]) >= CONTRAST {
            "#ffffff"
        } else {
            "#10131a"
        };
        Some(Self {
            brand: hex(brand),
            on_brand: on_brand.to_owned(),
            ink: hex(readable_on(brand, LIGHT)),
            ink_on_dark: hex(readable_on(brand, DARK)),
        })
    }
}

/// Reads `#rrggbb`.
fn parse(color: &str) -> Option<Rgb> {
    let digits = color.strip_prefix('#').filter(|digits| {
        digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    Some([number >> 16, number >> 8, number].map(|part| f64::from(part & 0xff)))
}

fn hex(color: Rgb) -> String {
    let digits = color.map(|part| format!("{:02x}", part.round() as u8));
    format!("#{}", digits.concat())
}

/// The colour itself, or the nearest of its shades that can be read on the background.
fn readable_on(color: Rgb, background: Rgb) -> Rgb {
    let towards = if luminance(background) > 0.5 {
        0.0
    } else {
        255.0
    };
    (0..=20)
        .map(|step| f64::from(step) / 20.0)
        .map(|share| color.map(|part| part + (towards - part) * share))
        .find(|shade| contrast(*shade, background) >= CONTRAST)
        .unwrap_or([towards; 3])
}

fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Relative luminance, as WCAG defines it.
fn luminance(color: Rgb) -> f64 {
    let [red, green, blue] = color.map(|part| {
        let part = part / 255.0;
        if part <= 0.040_45 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_brand_the_text_can_be_read() {
        for color in [
            "#1f4fd8", "#ffee00", "#000000", "#ffffff", "#e30613", "#777777",
        ] {
            let brand = parse(color).unwrap();
            for background in [LIGHT, DARK] {
                assert!(contrast(readable_on(brand, background), background) >= CONTRAST);
            }
            let palette = Palette::of(color).unwrap();
            let on_brand = parse(&palette.on_brand).unwrap();
            assert!(contrast(brand, on_brand) >= 4.0, "{color}");
        }
        for color in ["blue", "#fff", "#gggggg", "1f4fd8", "#1f4fd8;}"] {
            assert!(Palette::of(color).is_none(), "{color}");
        }
    }
}
