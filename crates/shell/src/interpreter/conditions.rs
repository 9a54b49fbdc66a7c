//! `[[ … ]]`.

use brush_parser::ast::{self, BinaryPredicate, ExtendedTestExpr, UnaryPredicate};

use crate::commands::condition;
use crate::surroundings::Future;

use super::{Jump, Shell};

impl Shell {
    /// Returns whether the expression holds.
    pub(super) fn extended<'a>(&'a mut self, test: &'a ExtendedTestExpr) -> Future<'a, Result<bool, Jump>> {
        Box::pin(async move {
            match test {
                ExtendedTestExpr::And(left, right) => Ok(self.extended(left).await? && self.extended(right).await?),
                ExtendedTestExpr::Or(left, right) => Ok(self.extended(left).await? || self.extended(right).await?),
                ExtendedTestExpr::Not(inner) => Ok(!self.extended(inner).await?),
                ExtendedTestExpr::Parenthesized(inner) => self.extended(inner).await,
                ExtendedTestExpr::UnaryTest(predicate, word) => {
                    let text = self.single(&word.value).await?;
                    Ok(self.unary(predicate, &text))
                }
                ExtendedTestExpr::BinaryTest(predicate, left, right) => self.binary(predicate, left, right).await,
            }
        })
    }

    fn unary(&self, predicate: &UnaryPredicate, text: &str) -> bool {
        let sign = match predicate {
            UnaryPredicate::FileExists => "-e",
            UnaryPredicate::FileExistsAndIsBlockSpecialFile => "-b",
            UnaryPredicate::FileExistsAndIsCharSpecialFile => "-c",
            UnaryPredicate::FileExistsAndIsDir => "-d",
            UnaryPredicate::FileExistsAndIsRegularFile => "-f",
            UnaryPredicate::FileExistsAndIsSetgid => "-g",
            UnaryPredicate::FileExistsAndIsSymlink => "-L",
            UnaryPredicate::FileExistsAndHasStickyBit => "-k",
            UnaryPredicate::FileExistsAndIsFifo => "-p",
            UnaryPredicate::FileExistsAndIsReadable => "-r",
            UnaryPredicate::FileExistsAndIsNotZeroLength => "-s",
            UnaryPredicate::FdIsOpenTerminal => "-t",
            UnaryPredicate::FileExistsAndIsSetuid => "-u",
            UnaryPredicate::FileExistsAndIsWritable => "-w",
            UnaryPredicate::FileExistsAndIsExecutable => "-x",
            UnaryPredicate::FileExistsAndOwnedByEffectiveGroupId => "-G",
            UnaryPredicate::FileExistsAndModifiedSinceLastRead => "-N",
            UnaryPredicate::FileExistsAndOwnedByEffectiveUserId => "-O",
            UnaryPredicate::FileExistsAndIsSocket => "-S",
            UnaryPredicate::StringHasZeroLength => "-z",
            UnaryPredicate::StringHasNonZeroLength => "-n",
            UnaryPredicate::ShellVariableIsSetAndAssigned | UnaryPredicate::ShellVariableIsSetAndNameRef => {
                return self.variables.contains_key(text);
            }
            UnaryPredicate::ShellOptionEnabled => {
                return super::Setting::from_name(text).is_some_and(|setting| self.settings.contains(&setting));
            }
        };
        condition::unary(&self.process, sign, text).unwrap_or(false)
    }

    async fn binary(&mut self, predicate: &BinaryPredicate, left: &ast::Word, right: &ast::Word) -> Result<bool, Jump> {
        let text = self.single(&left.value).await?;
        let sign = match predicate {
            BinaryPredicate::StringExactlyMatchesPattern => {
                return Ok(self.pattern(&right.value).await?.matches(&text));
            }
            BinaryPredicate::StringDoesNotExactlyMatchPattern => {
                return Ok(!self.pattern(&right.value).await?.matches(&text));
            }
            BinaryPredicate::StringMatchesRegex => {
                let pattern = self.single(&right.value).await?;
                return match crate::commands::regexp::extended(&pattern, crate::commands::regexp::Letters::Exact) {
                    Some(regex) => Ok(regex.is_match(text.as_bytes())),
                    None => Ok(false),
                };
            }
            BinaryPredicate::StringContainsSubstring => {
                let part = self.single(&right.value).await?;
                return Ok(text.contains(&part));
            }
            BinaryPredicate::FilesReferToSameDeviceAndInodeNumbers => "-ef",
            BinaryPredicate::LeftFileIsNewerOrExistsWhenRightDoesNot => "-nt",
            BinaryPredicate::LeftFileIsOlderOrDoesNotExistWhenRightDoes => "-ot",
            BinaryPredicate::StringExactlyMatchesString => "=",
            BinaryPredicate::StringDoesNotExactlyMatchString => "!=",
            BinaryPredicate::LeftSortsBeforeRight => "<",
            BinaryPredicate::LeftSortsAfterRight => ">",
            BinaryPredicate::ArithmeticEqualTo => "-eq",
            BinaryPredicate::ArithmeticNotEqualTo => "-ne",
            BinaryPredicate::ArithmeticLessThan => "-lt",
            BinaryPredicate::ArithmeticLessThanOrEqualTo => "-le",
            BinaryPredicate::ArithmeticGreaterThan => "-gt",
            BinaryPredicate::ArithmeticGreaterThanOrEqualTo => "-ge",
        };
        let other = self.single(&right.value).await?;
        if sign.starts_with("-") && !["-ef", "-nt", "-ot"].contains(&sign) {
            let (left, right) = (self.arithmetic(&text).await?, self.arithmetic(&other).await?);
            return Ok(condition::compare(sign, left, right));
        }
        Ok(condition::binary(&self.process, &text, sign, &other).unwrap_or(Ok(false)).unwrap_or(false))
    }
}
