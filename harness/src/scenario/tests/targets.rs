//! Finding the labs and what is meant by a target.

use super::*;

#[test]
fn targets_name_labs_and_variants() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["02-fire-and-forget", "04-duplicates", "notes"] {
        std::fs::create_dir_all(folder.path().join("labs").join(name)).expect("a folder");
    }
    let lab = |name: &str| folder.path().join("labs").join(name).join("lab.toml");
    let worker = "// the worker\nkit.point(\"in-hand\"); kit.point(\"reading\"); kit.point(\"sentinel\");";
    for name in ["02-fire-and-forget", "04-duplicates"] {
        std::fs::write(lab(name), GOOD).expect("a file");
        std::fs::write(lab(name).with_file_name("worker.rs"), worker).expect("a file");
    }
    let deep = folder.path().join("labs/04-duplicates");
    let labs = Labs::find(&deep, None).expect("the labs");
    assert_eq!(labs.folders.len(), 2);
    let select = |targets: &[&str]| {
        let targets: Vec<_> = targets.iter().map(|target| (*target).to_owned()).collect();
        let selected = labs.select(&targets, false, &Supports::LOCAL).map_err(|error| error.to_string())?;
        let names = |selection: &Selection| (selection.lab.number, selection.chosen.join(" "));
        Ok::<_, String>(selected.iter().map(names).collect::<Vec<_>>())
    };
    let both = "weak strong".to_owned();
    assert_eq!(select(&["4"]), Ok(vec![(4, both.clone())]));
    assert_eq!(select(&["04-duplicates", "2/weak"]), Ok(vec![(4, both.clone()), (2, "weak".to_owned())]));
    assert_eq!(select(&["2/weak", "2"]), Ok(vec![(2, both)]));
    let unknown = "there is no lab `duplicate`; did you mean `04-duplicates`?\n  the labs are: 02-fire-and-forget, 04-duplicates";
    assert_eq!(select(&["duplicate"]), Err(unknown.to_owned()));
    assert_eq!(
        select(&["7"]),
        Err("there is no lab `7`\n  the labs are: 02-fire-and-forget, 04-duplicates".to_owned())
    );
    let unknown =
        "02-fire-and-forget has no variant `weka`; did you mean `2/weak`?\n  its variants are: weak, strong";
    assert_eq!(select(&["2/weka"]), Err(unknown.to_owned()));
    let all = labs.select(&[], true, &Supports::LOCAL).expect("all of them");
    assert_eq!(all.iter().map(|selection| selection.variants().count()).sum::<usize>(), 4);
}

#[test]
fn where_there_are_no_labs_it_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let found = Labs::find(Path::new("/"), Some(folder.path())).expect_err("nothing there");
    assert!(found.to_string().contains("HARNESS_HOME"), "{found}");
}
