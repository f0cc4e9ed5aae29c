//! The verbs as a prompt runs them: the same words, the same parser, the same code.

use clap::{ArgMatches, FromArgMatches};

use super::context::Context;
use super::{Cli, Verb, complete, definition, dispatch, usage};
use crate::error::{Error, Kind, Result};
use crate::shell::{Offer, TypedVerb, Verbs};

/// The verbs, on a prompt's kernel and database.
pub(super) struct PromptVerbs {
    context: Context,
    all: Vec<Offer>,
}

impl PromptVerbs {
    /// The verbs for the prompt that a context was made for.
    pub fn new(context: Context) -> PromptVerbs {
        PromptVerbs {
            context,
            all: complete::verbs(&definition()),
        }
    }
}

impl Verbs for PromptVerbs {
    fn all(&self) -> &[Offer] {
        &self.all
    }

    fn run(&self, request: &TypedVerb) -> Result<()> {
        let words = std::iter::once("ipvsh").chain(request.words.iter().map(String::as_str));
        let parsed = definition()
            .try_get_matches_from(words)
            .and_then(|matches| {
                let cli = Cli::from_arg_matches(&matches)?;
                Ok((matches, cli))
            });
        let (matches, cli) = match parsed {
            Ok(parsed) => parsed,
            Err(refusal) => {
                return usage::tell(&refusal, &request.words, &self.context.out.long());
            }
        };
        if let Some(verb) = matches.subcommand_name()
            && !self.all.iter().any(|(name, _)| name == verb)
        {
            return Err(Error::new(
                Kind::Usage,
                format!("unrecognized verb '{verb}'"),
            ));
        }
        if cli.verb.is_none() && cli.code.is_none() {
            let hint = "`help` says what there is; verbs work here with and without that word";
            return Err(Error::new(Kind::Usage, "this is its prompt already")
                .object("ipvsh")
                .hint(hint));
        }
        if commits(&matches) {
            let verb = matches.subcommand_name().unwrap_or("run that");
            (request.may_commit)().map_err(|error| error.attempt(format!("cannot {verb}")))?;
        }
        if let Some(Verb::Man(args)) = &cli.verb
            && !args.writes()
        {
            return Err(
                Error::new(Kind::Usage, "man prints a page for man(1), in a shell")
                    .hint("`help` says what there is, `?WORD` says more of a word")
                    .hint("of a verb: `ipvsh help rollback`"),
            );
        }
        let context = self.context.of_typed(request.typed, &cli.global)?;
        dispatch(&context, cli).map(|_| ())
    }

    fn complete(&self, before: &[String], begun: &str) -> Option<Vec<Offer>> {
        complete::answers(&self.context, before, begun)
    }
}

/// Says whether a command line asks for a commit: its verb has the options of a change, and
/// `--plan` is not among them.
fn commits(matches: &ArgMatches) -> bool {
    let of = matches.subcommand().map_or(matches, |(_, of)| of);
    let changes = of.try_get_one::<bool>("allow_removals").is_ok();
    // The doctor only looks, unless it is to fix what it finds.
    let only_looks = matches!(of.try_get_one::<bool>("fix"), Ok(Some(false)));
    let only_plans = only_looks || matches!(of.try_get_one::<bool>("plan"), Ok(Some(true)));
    changes && !only_plans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_that_commit_are_known_by_their_options() {
        for (line, expected) in [
            ("rollback 2", true),
            ("rollback 2 --plan", false),
            ("restore", true),
            ("run x.rhai", true),
            ("drain tcp 192.0.2.1:80 10.0.0.1", true),
            ("doctor --fix", true),
            ("doctor", false),
            ("plan 2", false),
            ("confirm", false),
            ("history -p", false),
            ("show stats", false),
        ] {
            let words = std::iter::once("ipvsh").chain(line.split(' '));
            let matches = definition().try_get_matches_from(words).unwrap();
            assert_eq!(commits(&matches), expected, "{line}");
        }
        let matches = |words: &[&str]| definition().try_get_matches_from(words).unwrap();
        assert!(commits(&matches(&["ipvsh", "-e", "1"])));
    }
}
