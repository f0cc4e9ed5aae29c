//! Lines of ipvsadm and ours beside each other.

use crate::lab::Lab;
use crate::page;
use crate::pages::Page;

/// Rows of `| code ... | code ... |`.
fn pairs(page: &Page) -> Vec<(usize, String, String)> {
    let row = |(number, line): (usize, &str)| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.split(" | `").collect();
        let [left, right] = cells.as_slice() else {
            return None;
        };
        let code = |cell: &str| Some(cell.split_once('`')?.0.to_owned());
        Some((number, code(left)?, code(right)?))
    };
    page.prose().into_iter().filter_map(row).collect()
}

/// Left and right of the tables do the same, one line after the other.
#[test]
fn lines_of_ipvsadm_and_ours_do_the_same() {
    let page = page("examples/guide/migrating.md");
    let rows: Vec<(usize, String, String)> = pairs(&page)
        .into_iter()
        // What is no rule, and what the page says is not the same.
        .filter(|(_, left, right)| {
            !right.starts_with("ipvsh ") && !["ipvsadm -Z", "ipvsadm -C"].contains(&left.as_str())
        })
        .collect();
    let (lab, mut theirs, mut ours, mut seen) = (Lab::new(), String::new(), String::new(), 0);
    for (index, (number, left, right)) in rows.iter().enumerate() {
        seen += 1;
        theirs += &format!("{left}\n");
        ours += &format!("{right};\n");
        // What the next row takes away would not be seen any more.
        let takes_away = |line: &String| {
            let letter = line.split(" -").nth(1).unwrap_or_default();
            ["E ", "e ", "D ", "d ", "-stop"]
                .iter()
                .any(|start| letter.starts_with(start))
        };
        if rows
            .get(index + 1)
            .is_some_and(|(_, next, _)| !takes_away(next))
        {
            continue;
        }
        lab.put("theirs.sh", &theirs);
        lab.put("ours.rhai", &ours);
        let rules = |command: &str| {
            let fresh = format!("{command}-{index}").replace(' ', "-");
            let commit = format!("ipvsh -q --db {fresh} {command}");
            let export = format!("ipvsh --db {fresh} export --format json");
            lab.typed(&format!("{commit} >/dev/null; {export}"))
                .join("\n")
        };
        assert_eq!(
            rules("run ours.rhai"),
            rules("import theirs.sh"),
            "{}:{number}: {left} is not {right}, or one before it",
            page.name()
        );
    }
    assert!(seen > 20, "only {seen} lines");
}
