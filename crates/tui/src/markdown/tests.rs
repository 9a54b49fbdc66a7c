//! Markdown on cells: wrapping, indents, tables, alerts and links, at several widths.

use super::*;

fn check(text: &str, cells: usize) -> String {
    let mut marks = Marks::of([text].into_iter());
    let mut lines = render(text, cells, &mut marks);
    lines.extend(marks.closing(cells));
    for line in &lines {
        assert!(line.width() <= cells, "`{line}` is wider than {cells}");
    }
    lines.iter().map(|line| line.to_string().trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[test]
fn prose_of_every_kind_at_40_cells() {
    let text = "\
# Borner la mémoire

Un conteneur sans limite peut occuper **toute** la mémoire du nœud[^1]. Voyez [la documentation](https://kubernetes.io/docs).

- une puce assez longue pour passer à la ligne suivante du texte
- une autre
  1. dedans
  2. encore dedans, et assez long pour passer à la ligne
- fin

1. premier

2. second

> [!tip]
> Une `LimitRange` donne des valeurs par défaut.

> Une citation simple qui passe elle aussi à la ligne suivante.

| objet | portée | refuse |
| --- | --- | ---: |
| LimitRange | un conteneur ou un Pod du Namespace | 1 |
| ResourceQuota | le Namespace entier | 20 |

    code indenté

---

Fin.

[^1]: Le noyau finit par tuer un processus, pas toujours le bon.
";
    insta::assert_snapshot!(check(text, 40));
}

#[test]
fn escape_sequences_do_not_pass() {
    let shown = check("a\u{1b}[31mb `c\u{9b}2Jd` \u{202e}e\n\n    f\u{7}g\u{1b}]52;c;AA\u{7}", 40);
    assert!(shown.chars().all(|character| character == '\n' || !character.is_control()), "{shown:?}");
}

proptest::proptest! {
    #[test]
    fn any_text_at_any_width_is_drawn_without_panic(text in "[-#>*|`\\[\\]!^a-z0-9é\n .:]{0,200}", cells in 20usize..100) {
        let mut marks = Marks::of([text.as_str()].into_iter());
        render(&text, cells, &mut marks);
        marks.closing(cells);
    }
}
