//! A lesson's text: whether it has its parts, and names every variant of its lab.

use super::problem::Problem;
use crate::scenario::Lab;

/// The parts of a lesson, in their order. What is asked comes before what is told.
pub const PARTS: [&str; 8] =
    ["Situation", "Predict", "Run", "What happened", "Why", "The knob", "Your turn", "Further reading"];

/// What is wrong with a lesson; `file` is its name in messages.
pub fn problems(text: &str, file: &str, lab: &Lab) -> Vec<Problem> {
    let mut problems = title(text, file, lab);
    let mut after = 0;
    let headings = headings(text);
    for part in PARTS {
        let places: Vec<_> = (0..headings.len()).filter(|at| headings[*at].0 == part).collect();
        let problem = match places.as_slice() {
            [] => Some(format!("it has no part \"{part}\"")),
            [at] if *at < after => Some(format!("\"{part}\" stands too early")),
            [at] if headings[*at].1.trim().is_empty() => Some(format!("the part \"{part}\" is empty")),
            [at] => {
                after = *at;
                None
            }
            _ => Some(format!("it has the part \"{part}\" more than once")),
        };
        let mend = || format!("a heading `## {part}` with its text; the order is {}", PARTS.join(", "));
        problems.extend(problem.map(|what| Problem::new(file, what, mend())));
    }
    for variant in lab.variants.iter().filter(|variant| !names(text, &variant.name)) {
        let what = format!("it does not name the variant `{}`", variant.name);
        problems.push(Problem::new(file, what, "say what happens in it, or take it out of lab.toml"));
    }
    problems
}

/// The lesson asks what its lab file asks.
fn title(text: &str, file: &str, lab: &Lab) -> Vec<Problem> {
    let expected = format!("# Lab {} · {}", lab.number, lab.question);
    let first = text.lines().next().unwrap_or_default();
    if first == expected {
        return Vec::new();
    }
    vec![Problem::new(file, format!("its first line is \"{first}\""), format!("begin it with `{expected}`"))]
}

/// The headings of the second order with what follows each; what stands in a code block is none.
fn headings(text: &str) -> Vec<(&str, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        in_code ^= line.starts_with("```");
        match line.strip_prefix("## ").filter(|_| !in_code) {
            Some(heading) => found.push((heading.trim(), String::new())),
            None => {
                if let Some((_, body)) = found.last_mut() {
                    body.push_str(line);
                    body.push('\n');
                }
            }
        }
    }
    found
}

/// Whether the text names a variant: the whole name, not as a part of a longer one.
fn names(text: &str, variant: &str) -> bool {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    text.match_indices(variant).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + variant.len()..].chars().next();
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::samples::{LESSON, lab};

    #[track_caller]
    fn wrong(text: &str, what: &str) {
        let problems = problems(text, "labs/02-x/README.md", &lab());
        let told: Vec<_> = problems.iter().map(|problem| problem.what.as_str()).collect();
        assert_eq!(told, [what]);
    }

    #[test]
    fn a_whole_lesson_has_no_problem() {
        assert_eq!(problems(LESSON, "labs/02-x/README.md", &lab()), []);
    }

    #[test]
    fn a_part_that_is_missing_empty_twice_or_too_early_is_found() {
        wrong(&LESSON.replace("## The knob\n", ""), "it has no part \"The knob\"");
        wrong(&LESSON.replace("Ask why.\n", "\n"), "the part \"Why\" is empty");
        wrong(&LESSON.replace("## Why\n", "## Why\nSo.\n## Why\n"), "it has the part \"Why\" more than once");
        let early =
            LESSON.replace("## Why\nAsk why.\n", "").replace("## Run\n", "## Why\nAsk why.\n## Run\n");
        wrong(&early, "\"Why\" stands too early");
    }

    #[test]
    fn a_heading_in_a_code_block_is_none() {
        wrong(&LESSON.replace("## The knob\n", "```\n## The knob\n```\n"), "it has no part \"The knob\"");
    }

    #[test]
    fn a_variant_named_only_within_a_longer_name_is_not_named() {
        wrong(&LESSON.replace("`slow`", "`slow-worker`"), "it does not name the variant `slow`");
    }

    #[test]
    fn the_title_asks_what_the_lab_file_asks() {
        wrong(
            &LESSON.replace("just send", "simply send"),
            "its first line is \"# Lab 2 · What if we simply send it?\"",
        );
    }
}
