//! The author's verbs: a new step passes the gate, and a broken one is named with its place and its mend.

use std::fs;

use super::atelier;

#[test]
fn a_new_step_passes_the_gate_and_a_spoilt_one_is_named_with_its_mend() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    for step in ["demo/01-1-essai", "demo/01-2-suite"] {
        let made = atelier(home, &["lab", "new", step]);
        assert_eq!(made.code, Some(0), "{}", made.error);
    }
    let again = atelier(home, &["lab", "new", "demo/01-1-essai"]);
    assert_eq!(again.code, Some(64), "nothing is overwritten: {}", again.error);
    let clean = atelier(home, &["lab", "lint"]);
    assert_eq!((clean.code, clean.out.as_str()), (Some(0), ""), "{}", clean.error);

    fs::write(home.join("labs/demo/01-2-suite.md"), "---\nformat: 1\ntitel: x\n---\n").unwrap();
    let spoilt = atelier(home, &["lab", "lint", "labs/demo/01-2-suite.md"]);
    let expected = "labs/demo/01-2-suite.md:3:1: erreur\u{a0}: Le champ «\u{a0}titel\u{a0}» n’existe pas ici. \
                    Vouliez-vous dire «\u{a0}title\u{a0}»\u{a0}?\n    Les champs possibles sont\u{a0}: format, title,";
    assert_eq!(spoilt.code, Some(1), "{}", spoilt.error);
    assert!(spoilt.out.starts_with(expected), "{}", spoilt.out);
    let document = atelier(home, &["lab", "lint", "--format", "json"]).json();
    assert_eq!((&document["format"], &document["errors"]), (&1.into(), &1.into()));
    assert_eq!(document["diagnostics"][0]["line"], 3);

    let absent = atelier(home, &["lab", "lint", "absent"]);
    assert_eq!(absent.code, Some(64), "{}", absent.error);
    assert!(absent.error.contains("Vérifiez le chemin"), "{}", absent.error);
}
