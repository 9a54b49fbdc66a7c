//! French texts that learners type, reduced to what matters when they are compared.

/// Returns a text without case, accents, leading article, outer and doubled blanks, and closing punctuation.
pub(crate) fn normalised(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'à' | 'â' | 'ä' | 'á' | 'ã' => plain.push('a'),
            'é' | 'è' | 'ê' | 'ë' => plain.push('e'),
            'î' | 'ï' | 'í' => plain.push('i'),
            'ô' | 'ö' | 'ó' => plain.push('o'),
            'ù' | 'û' | 'ü' | 'ú' => plain.push('u'),
            'ç' => plain.push('c'),
            'ÿ' => plain.push('y'),
            'ñ' => plain.push('n'),
            'œ' => plain.push_str("oe"),
            'æ' => plain.push_str("ae"),
            '’' | '‘' => plain.push('\''),
            // Accents typed apart from their letter.
            '\u{300}'..='\u{36f}' => {}
            c if c.is_whitespace() => plain.push(' '),
            c => plain.push(c),
        }
    }
    let words: Vec<&str> = plain
        .trim_matches(|c: char| {
            c.is_whitespace() || matches!(c, '"' | '\'' | '«' | '»' | '`' | '.' | ';' | ':' | '!' | '?')
        })
        .split_whitespace()
        .collect();
    let joined = words.join(" ");
    for article in ["le ", "la ", "les ", "l'", "un ", "une ", "des ", "du ", "de la ", "de l'", "the "] {
        if let Some(rest) = joined.strip_prefix(article)
            && !rest.is_empty()
        {
            return rest.trim_start().to_owned();
        }
    }
    joined
}
