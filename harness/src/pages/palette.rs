//! The colours of both pages, light and dark. Contrast is tested: texts reach 4.5 to 1 and cells 3 to 1, which is what
//! WCAG 2 asks for at level AA.

use std::fmt::Write;

use super::cells::Cell;

/// One set of colours, each as "#rrggbb".
struct Theme {
    ground: &'static str,
    surface: &'static str,
    line: &'static str,
    ink: &'static str,
    quiet: &'static str,
    good: &'static str,
    bad: &'static str,
    unsure: &'static str,
    accent: &'static str,
    /// In the order of [`Cell::ALL`].
    cells: [&'static str; Cell::ALL.len()],
}

const LIGHT: Theme = Theme {
    ground: "#f6f5f1",
    surface: "#ffffff",
    line: "#d9d6cc",
    ink: "#1d2126",
    quiet: "#5b626b",
    good: "#17653c",
    bad: "#b3202a",
    unsure: "#7d5200",
    accent: "#1f5fa8",
    cells: [
        "#4f918f", "#1f5f80", "#4a6fd4", "#767c85", "#8b8577", "#8757b8", "#c96a00", "#c4141f", "#b3138c",
    ],
};

const DARK: Theme = Theme {
    ground: "#14161b",
    surface: "#1c1f26",
    line: "#363b45",
    ink: "#e8e6e1",
    quiet: "#a4abb5",
    good: "#6fce9a",
    bad: "#ff8a85",
    unsure: "#edbb63",
    accent: "#86b6f2",
    cells: [
        "#3d8582", "#86c0de", "#7d9cff", "#868d98", "#7f7a6e", "#b48ae0", "#f3a336", "#ff5a57", "#ff7ad9",
    ],
};

impl Theme {
    fn declarations(&self) -> String {
        let named = [
            ("ground", self.ground),
            ("surface", self.surface),
            ("line", self.line),
            ("ink", self.ink),
            ("quiet", self.quiet),
            ("good", self.good),
            ("bad", self.bad),
            ("unsure", self.unsure),
            ("accent", self.accent),
        ];
        let mut out = String::new();
        for (name, color) in named {
            let _ = write!(out, "--{name}:{color};");
        }
        for (cell, color) in Cell::ALL.iter().zip(self.cells) {
            let _ = write!(out, "--cell-{}:{color};", cell.word());
        }
        out
    }
}

/// The colours as variables of the style sheet: light, dark where the reader's system says so, light again on paper.
pub fn css() -> String {
    let (light, dark) = (LIGHT.declarations(), DARK.declarations());
    let mut out = format!(
        ":root{{color-scheme:light dark;{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n\
         @media print{{:root{{color-scheme:light;{light}}}}}\n"
    );
    for cell in Cell::ALL {
        let _ = writeln!(out, ".cell-{0}{{fill:var(--cell-{0});background:var(--cell-{0})}}", cell.word());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, as WCAG 2 defines it.
    fn luminance(color: &str) -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        assert!(color.len() == 7 && color.starts_with('#'), "{color}");
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn the_measure_is_that_of_the_standard() {
        assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-9);
        assert!((contrast("#777777", "#ffffff") - 4.48).abs() < 0.01);
    }

    #[test]
    fn texts_and_cells_reach_aa_on_every_background() {
        for (name, theme) in [("light", LIGHT), ("dark", DARK)] {
            for background in [theme.ground, theme.surface] {
                for text in [theme.ink, theme.quiet, theme.good, theme.bad, theme.unsure, theme.accent] {
                    let reached = contrast(text, background);
                    assert!(reached >= 4.5, "{name}: text {text} on {background}: {reached:.2}");
                }
                for (cell, color) in Cell::ALL.iter().zip(theme.cells) {
                    let reached = contrast(color, background);
                    assert!(reached >= 3.0, "{name}: {cell:?} {color} on {background}: {reached:.2}");
                }
            }
        }
    }

    #[test]
    fn no_two_cells_have_the_same_colour() {
        for theme in [LIGHT, DARK] {
            let mut colors = theme.cells.to_vec();
            colors.sort_unstable();
            colors.dedup();
            assert_eq!(colors.len(), Cell::ALL.len());
        }
    }

    #[test]
    fn the_style_sheet_has_no_colour_of_its_own() {
        let style = format!("{}{}", super::super::STYLE, include_str!("live/live.css"));
        assert!(
            !style.contains('#') && !style.contains("rgb"),
            "colours belong to the palette, where they are tested"
        );
        let defined = css();
        for part in style.split("var(--").skip(1) {
            let name = &part[..part.find(')').unwrap()];
            assert!(defined.contains(&format!("--{name}:")), "nobody defines the colour {name}");
        }
    }
}
