//! What of a StackStorm installation does here what it did there.

/// How many files of a kind there are, by how well they fit.
pub struct Row {
    /// In the plural: `actions`.
    pub what: &'static str,
    pub loads: usize,
    pub differs: usize,
    pub refused: usize,
}

/// A reason, and how many files have it.
pub struct Why {
    /// In the plural: `actions`.
    pub what: &'static str,
    pub files: usize,
    pub reason: String,
    /// Some of the files.
    pub examples: Vec<String>,
}

/// Files shown of each reason.
const SHOWN: usize = 3;

/// The whole report.
pub fn report(rows: &[Row], refused: &[Why], differs: &[Why]) -> String {
    let mut text = table(rows);
    for (title, whys) in [("does not, and why", refused), ("differs, and why", differs)] {
        if !whys.is_empty() {
            text.push_str(&format!("\nWhat {title}:\n"));
        }
        for why in whys {
            let what = if why.files == 1 { singular(why.what) } else { why.what };
            text.push_str(&format!("  {} {what}: {}\n", why.files, why.reason));
            for example in why.examples.iter().take(SHOWN) {
                text.push_str(&format!("    {example}\n"));
            }
            if SHOWN < why.files {
                text.push_str(&format!("    and {} more\n", why.files - SHOWN));
            }
        }
    }
    let count = |of: fn(&Row) -> usize| -> usize { rows.iter().map(of).sum() };
    let (loads, differs) = (count(|it| it.loads), count(|it| it.differs));
    let all = loads + differs + count(|it| it.refused);
    text.push_str(&if all == 0 {
        "\nThere are no packs here. Name the folder that holds them, as /opt/stackstorm/packs.".to_owned()
    } else {
        format!(
            "\n{} of {all} files load, {differs} of them otherwise than there. `lockkeeper check` on the folder tells \
             every place.",
            loads + differs
        )
    });
    text
}

/// How many there are of each kind.
pub fn table(rows: &[Row]) -> String {
    let mut text = format!("{:<10}  {:>6}  {:>7}  {:>8}\n", "", "loads", "differs", "does not");
    for row in rows.iter().filter(|it| it.loads + it.differs + it.refused > 0) {
        text.push_str(&format!(
            "{:<10}  {:>6}  {:>7}  {:>8}\n",
            row.what, row.loads, row.differs, row.refused
        ));
    }
    text
}

/// Of one: `alias` of `aliases`.
pub fn singular(what: &'static str) -> &'static str {
    match what {
        "aliases" => "alias",
        "policies" => "policy",
        other => other.strip_suffix('s').unwrap_or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_follow_the_counts() {
        let row = |what, loads, differs, refused| Row { what, loads, differs, refused };
        let rows = [row("packs", 1, 0, 0), row("aliases", 2, 1, 1), row("rules", 0, 0, 0)];
        let why = |reason: &str, file: &str| Why {
            what: "aliases",
            files: 1,
            reason: reason.to_owned(),
            examples: vec![file.to_owned()],
        };
        let text = report(&rows, &[why("no text", "a.yaml")], &[why("no colours", "b.yaml")]);
        assert_eq!(
            text,
            "             loads  differs  does not\n\
             packs            1        0         0\n\
             aliases          2        1         1\n\
             \nWhat does not, and why:\n  1 alias: no text\n    a.yaml\n\
             \nWhat differs, and why:\n  1 alias: no colours\n    b.yaml\n\
             \n4 of 5 files load, 1 of them otherwise than there. `lockkeeper check` on the folder tells every place."
        );
        assert!(report(&[], &[], &[]).contains("There are no packs here."));
    }
}
