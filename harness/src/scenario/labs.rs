//! Finding the labs, and what a person means by `4`, `04-duplicates`, `4/slow-worker` or `--all`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    Error, Lab, Supports, Variant,
    defaults::Defaults,
    file::{self, Around},
    mistake::nearest,
    points,
    validate::Neighbour,
};

/// A lab's folder, not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabFolder {
    /// The number in front of its name; 0 where it has none.
    pub number: u8,
    /// Its name: `02-fire-and-forget`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// The labs of a project.
#[derive(Clone, Debug)]
pub struct Labs {
    /// The project's folder, which holds `labs`.
    pub home: PathBuf,
    /// In the order of their numbers.
    pub folders: Vec<LabFolder>,
}

/// A lab, and which of its variants are meant.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The lab, whole.
    pub lab: Lab,
    /// The names of those meant, in the order of the file.
    pub chosen: Vec<String>,
}

impl Selection {
    /// The variants meant.
    pub fn variants(&self) -> impl Iterator<Item = &Variant> {
        self.lab.variants.iter().filter(|variant| self.chosen.contains(&variant.name))
    }
}

impl Labs {
    /// Finds the project: `home` (the value of `HARNESS_HOME`) where it is given, else the folder `start` or the
    /// nearest above it that holds `labs/*/lab.toml`.
    pub fn find(start: &Path, home: Option<&Path>) -> Result<Self, Error> {
        let candidates: Vec<_> = match home {
            Some(home) => vec![home],
            None => start.ancestors().collect(),
        };
        for home in candidates {
            let folders = folders(&home.join("labs"));
            if !folders.is_empty() {
                return Ok(Self { home: home.to_owned(), folders });
            }
        }
        Err(Error::NoLabs(home.unwrap_or(start).to_owned()))
    }

    /// Reads and validates one lab.
    pub fn load(&self, folder: &LabFolder, supports: &Supports) -> Result<Lab, Error> {
        let path = folder.path.join("lab.toml");
        let text = fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let defaults = Defaults::built_in()?;
        let others = self.neighbours();
        let points = points::scan(&[&folder.path, &self.home.join("labs").join("src")]);
        let around = Around { points, others: &others, supports, defaults: &defaults };
        let file = format!("labs/{}/lab.toml", folder.name);
        file::read(&text, &file, &folder.path, &around).map_err(Error::from)
    }

    /// What the targets mean: a lab (`4`, `04-duplicates`) or one variant of it (`4/slow-worker`); with `all`,
    /// every lab that has a number. Nothing is chosen where nothing was said.
    pub fn select(
        &self,
        targets: &[String],
        all: bool,
        supports: &Supports,
    ) -> Result<Vec<Selection>, Error> {
        let mut selections: Vec<Selection> = Vec::new();
        if all {
            // A lab without a number is the harness's own.
            for folder in self.folders.iter().filter(|folder| folder.number > 0) {
                let lab = self.load(folder, supports)?;
                let chosen = lab.variants.iter().map(|variant| variant.name.clone()).collect();
                selections.push(Selection { lab, chosen });
            }
            return Ok(selections);
        }
        for target in targets {
            let (lab, variant) = match target.split_once('/') {
                Some((lab, variant)) => (lab, Some(variant)),
                None => (target.as_str(), None),
            };
            let folder = self.folder(lab)?;
            let place = match selections.iter().position(|selection| selection.lab.name == folder.name) {
                Some(place) => place,
                None => {
                    selections.push(Selection { lab: self.load(folder, supports)?, chosen: Vec::new() });
                    selections.len() - 1
                }
            };
            choose(&mut selections[place], variant)?;
        }
        Ok(selections)
    }

    /// The folder of a lab, by its number or name.
    pub fn folder(&self, lab: &str) -> Result<&LabFolder, Error> {
        let is_meant = |folder: &&LabFolder| {
            folder.name == lab || (folder.number > 0 && lab.parse() == Ok(folder.number))
        };
        self.folders.iter().find(is_meant).ok_or_else(|| self.no_lab(lab))
    }

    fn no_lab(&self, lab: &str) -> Error {
        let names: Vec<_> = self.folders.iter().map(|folder| folder.name.as_str()).collect();
        // A name without its number is near to the one with it.
        let bare = |name: &str| {
            name.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '-').to_owned()
        };
        let bare_names: Vec<_> = names.iter().map(|name| bare(name)).collect();
        let by_bare = nearest(&bare(lab), bare_names.iter().map(String::as_str))
            .and_then(|near| names.iter().find(|name| bare(name) == near))
            .map(|name| (*name).to_owned());
        let meant = nearest(lab, names.iter().copied()).or(by_bare);
        Error::Target(no_such(&format!("there is no lab `{lab}`"), meant, "the labs are", &names))
    }

    /// Every lab's number, name and variants, as far as they can be read.
    fn neighbours(&self) -> Vec<Neighbour> {
        let neighbour = |folder: &LabFolder| Neighbour {
            number: folder.number,
            name: folder.name.clone(),
            variants: fs::read_to_string(folder.path.join("lab.toml"))
                .map(|text| file::variant_names(&text))
                .unwrap_or_default(),
        };
        self.folders.iter().map(neighbour).collect()
    }
}

fn folders(labs: &Path) -> Vec<LabFolder> {
    let entries = fs::read_dir(labs).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path()).filter(|path| path.join("lab.toml").is_file());
    let mut folders: Vec<_> = paths
        .map(|path| {
            let (number, name) = file::number_and_name(&path);
            LabFolder { number, name, path }
        })
        .collect();
    folders.sort_by(|one, other| (one.number, &one.name).cmp(&(other.number, &other.name)));
    folders
}

fn choose(selection: &mut Selection, variant: Option<&str>) -> Result<(), Error> {
    let known: Vec<_> = selection.lab.variants.iter().map(|variant| variant.name.as_str()).collect();
    let more: Vec<_> = match variant {
        None => known,
        Some(variant) if known.contains(&variant) => vec![variant],
        Some(variant) => {
            let lab = &selection.lab;
            let short = if lab.number == 0 { lab.name.clone() } else { lab.number.to_string() };
            let meant = nearest(variant, known.iter().copied()).map(|near| format!("{short}/{near}"));
            let what = format!("{} has no variant `{variant}`", lab.name);
            return Err(Error::Target(no_such(&what, meant, "its variants are", &known)));
        }
    };
    for name in more {
        if !selection.chosen.iter().any(|chosen| chosen == name) {
            selection.chosen.push(name.to_owned());
        }
    }
    Ok(())
}

fn no_such(what: &str, meant: Option<String>, list: &str, words: &[&str]) -> String {
    let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    format!("{what}{meant}\n  {list}: {}", words.join(", "))
}
