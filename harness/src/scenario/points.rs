//! Which points the workers have: found by reading their source.

use std::{collections::BTreeSet, fs, path::Path};

/// Larger files are no worker that anybody reads aloud.
const LARGEST: u64 = 1 << 20;

/// Folders deeper than this hold no worker.
const DEEPEST: u32 = 3;

/// The points named in the source files of these folders. What cannot be read has none.
///
/// A worker has a point where it says `point("name")`, or, in another language, prints `:: point name`.
pub fn scan(folders: &[&Path]) -> BTreeSet<String> {
    let mut points = BTreeSet::new();
    folders.iter().for_each(|folder| scan_folder(folder, DEEPEST, &mut points));
    points
}

fn scan_folder(folder: &Path, deep: u32, points: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        let other = path.extension().is_some_and(|extension| extension == "toml" || extension == "md");
        let small = || entry.metadata().is_ok_and(|metadata| metadata.len() <= LARGEST);
        if kind.is_dir() && deep > 0 {
            scan_folder(&path, deep - 1, points);
        } else if kind.is_file() && !other && small() {
            points.extend(fs::read_to_string(&path).map(|text| in_source(&text)).unwrap_or_default());
        }
    }
}

/// The points named in a source text.
pub fn in_source(text: &str) -> BTreeSet<String> {
    let code: Vec<_> = text.lines().filter(|line| !is_comment(line)).collect();
    let code = code.join("\n");
    let called = code.split("point(").skip(1).filter_map(|rest| {
        let rest = rest.trim_start().strip_prefix('"')?;
        rest.split_once('"').map(|(name, _)| name)
    });
    let said = code
        .split(":: point ")
        .skip(1)
        .map(|rest| rest.split(|letter| !is_name(letter)).next().unwrap_or(""));
    called
        .chain(said)
        .filter(|name| !name.is_empty() && name.chars().all(is_name))
        .map(str::to_owned)
        .collect()
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//") || line.starts_with("# ")
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '-' || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_found_in_rust_and_in_other_languages() {
        let rust = "kit.point(\"in-hand\").await;\n// kit.point(\"in-a-comment\")\nkit.point(\n    \"applied\",\n).await";
        assert_eq!(in_source(rust), BTreeSet::from(["applied".to_owned(), "in-hand".to_owned()]));
        let python =
            "print(':: point after-effect', flush=True)\n# :: point not-this\nprint(f\":: point {name}\")";
        assert_eq!(in_source(python), BTreeSet::from(["after-effect".to_owned()]));
        assert_eq!(in_source("checkpoint(name)"), BTreeSet::new());
    }
}
