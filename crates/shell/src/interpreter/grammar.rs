//! From text to commands. The grammar is `brush-parser`'s; what it takes badly (deep nesting, exponential `((`) is
//! kept from it, and the pieces of words are split by `words`, whose time is linear.

use brush_parser::{ParseError, ParserOptions, Token, TokenizerError, ast, parse_tokens, uncached_tokenize_str};

use crate::limits;

/// How deep compound commands may be nested: the parser and the interpreter recurse.
const NESTING: usize = 24;
/// How many substitutions and braced parameters a script may have.
const SUBSTITUTIONS: usize = 250;
/// How many `((` may be open at a time: the parser tries each in two ways.
const DOUBLE: usize = 3;

/// Why a text is no script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// More lines could make it one.
    Incomplete(Missing),
    /// A word stands where it cannot.
    Unexpected(String),
    /// It is too long or nested too deep for this simulation.
    TooMuch,
}

/// What the end of the text leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// A quote, with its character.
    Quote(char),
    /// A `)` or `}` of a substitution.
    Substitution,
    /// A reserved word such as `fi`.
    Word,
}

/// Parses a whole script.
pub(crate) fn parse(text: &str) -> Result<ast::Program, Syntax> {
    if text.len() > limits::SCRIPT || text.contains('\0') {
        return Err(Syntax::TooMuch);
    }
    // The tokenizer recurses for each; counting all of them is a bound on how deep.
    if text.matches("$(").count() + text.matches("${").count() > SUBSTITUTIONS {
        return Err(Syntax::TooMuch);
    }
    let options = ParserOptions::default();
    // A here-document may end with the text.
    let mut source = format!("{text}\n");
    let mut tokens = uncached_tokenize_str(&source, &options.tokenizer_options());
    for _ in 0..4 {
        let Err(TokenizerError::UnterminatedHereDocuments(tags, _)) = &tokens else { break };
        let Some(tag) = tags.split([',', ' ']).find(|tag| !tag.is_empty()) else { break };
        source.push_str(tag.trim_matches(['[', ']', '\'', '"']));
        source.push('\n');
        tokens = uncached_tokenize_str(&source, &options.tokenizer_options());
    }
    let tokens = tokens.map_err(|error| match error {
        TokenizerError::UnterminatedSingleQuote(_) | TokenizerError::UnterminatedAnsiCQuote(_) => {
            Syntax::Incomplete(Missing::Quote('\''))
        }
        TokenizerError::UnterminatedDoubleQuote(_) => Syntax::Incomplete(Missing::Quote('"')),
        TokenizerError::UnterminatedBackquote(_) => Syntax::Incomplete(Missing::Quote('`')),
        TokenizerError::UnterminatedEscapeSequence => Syntax::Incomplete(Missing::Word),
        TokenizerError::UnterminatedCommandSubstitution
        | TokenizerError::UnterminatedVariable
        | TokenizerError::UnterminatedExtendedGlob(_) => Syntax::Incomplete(Missing::Substitution),
        _ => Syntax::Unexpected("newline".to_owned()),
    })?;
    shape(&tokens)?;
    // The parser is a third party's and pure: were it to panic, the text is no script.
    let parsed = std::panic::catch_unwind(|| parse_tokens(&tokens, &options, &Default::default()));
    match parsed {
        Ok(Ok(program)) => Ok(program),
        Ok(Err(error)) => Err(explain(&error, &tokens)),
        Err(_) => Err(Syntax::TooMuch),
    }
}

fn explain(error: &ParseError, tokens: &[Token]) -> Syntax {
    let word = |token: &Token| match token.to_str() {
        "\n" => "newline".to_owned(),
        text => text.to_owned(),
    };
    match error {
        ParseError::ParsingNearToken(token) if token.to_str() != "\n" => Syntax::Unexpected(word(token)),
        ParseError::ParsingNearToken(_) | ParseError::ParsingAtEndOfInput => {
            // A reserved word that closes what was not open is not made right by more lines.
            let mut open: Vec<&str> = Vec::new();
            let mut begins = true;
            for token in tokens {
                let text = token.to_str();
                if begins {
                    let closed: Option<&[&str]> = match text {
                        "fi" | "then" | "else" | "elif" => Some(&["if"]),
                        "done" => Some(&["while", "until", "for", "select"]),
                        "do" => Some(&["while", "until", "for", "select"]),
                        "esac" => Some(&["case"]),
                        "}" => Some(&["{"]),
                        _ => None,
                    };
                    if let Some(closed) = closed {
                        if !open.last().is_some_and(|top| closed.contains(top)) {
                            return Syntax::Unexpected(text.to_owned());
                        }
                        if ["fi", "done", "esac", "}"].contains(&text) {
                            open.pop();
                        }
                    } else if ["if", "while", "until", "for", "select", "case", "{"].contains(&text) {
                        open.push(text);
                    }
                }
                begins =
                    matches!(token, Token::Operator(..)) || ["then", "do", "else", "elif", "{", "!"].contains(&text);
            }
            match error {
                ParseError::ParsingNearToken(_) if open.is_empty() => Syntax::Unexpected("newline".to_owned()),
                _ => Syntax::Incomplete(Missing::Word),
            }
        }
        ParseError::Tokenizing { .. } => Syntax::Incomplete(Missing::Quote('"')),
    }
}

/// Refuses what nests too deep.
fn shape(tokens: &[Token]) -> Result<(), Syntax> {
    let (mut deepest, mut doubles): (usize, usize) = (0, 0);
    let mut before = "";
    for token in tokens {
        let text = token.to_str();
        match text {
            "(" | "{" | "if" | "while" | "until" | "for" | "case" | "!" | "[[" => deepest += 1,
            ")" | "}" | "fi" | "done" | "esac" | "]]" => deepest = deepest.saturating_sub(1),
            ";" | "\n" if before == "!" => {}
            _ if before == "!" => deepest = deepest.saturating_sub(1),
            _ => {}
        }
        if matches!(token, Token::Operator(..)) {
            if text == "(" && before == "(" {
                doubles += 1;
            } else if text == ")" && before == ")" {
                doubles = doubles.saturating_sub(1);
            }
        }
        if deepest > NESTING || doubles > DOUBLE {
            return Err(Syntax::TooMuch);
        }
        before = text;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_told_from_what_is_none() {
        let error = |text: &str| parse(text).map(|_| ()).unwrap_err();
        assert!(parse("a | b && { c; } > d").is_ok());
        assert!(parse("cat <<EOF\nhi\nEOF").is_ok());
        assert!(parse("cat <<EOF\nhi").is_ok());
        assert_eq!(error("echo 'a"), Syntax::Incomplete(Missing::Quote('\'')));
        assert_eq!(error("if a; then"), Syntax::Incomplete(Missing::Word));
        assert_eq!(error("echo $("), Syntax::Incomplete(Missing::Substitution));
        assert_eq!(error("fi"), Syntax::Unexpected("fi".to_owned()));
        assert_eq!(error("a | | b"), Syntax::Unexpected("|".to_owned()));
        assert_eq!(error("done"), Syntax::Unexpected("done".to_owned()));
    }

    #[test]
    fn nesting_is_bounded_in_depth_and_time() {
        for text in [
            "(".repeat(4000),
            "( ".repeat(30) + "a" + &" )".repeat(30),
            "( ".repeat(14),
            "((".repeat(14),
            "{ ".repeat(100) + "a;" + &" };".repeat(100),
            "if ".repeat(10_000),
            "! ".repeat(10_000) + "a",
            "echo $(".repeat(5000),
            "f() { ".repeat(50),
        ] {
            assert!(parse(&text).is_err(), "{}", &text[..20]);
        }
        assert!(parse(&("(a; ".repeat(20) + "a" + &")".repeat(20))).is_ok());
    }
}
